import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { makeTempDir } from "../../support/temp-dir.ts";
import { clientCertificate } from "../../support/tls/certificates.ts";
import { findProblems, loadText } from "./load-from-text.ts";

const files = {
  secret: "secret",
  cert: await readFile(clientCertificate.certificate, "utf8"),
  key: await readFile(clientCertificate.key, "utf8"),
};

function textOf(pattern: string, settings: string): string {
  return `upstreams:\n  docker.io:\n  "${pattern}":\n    ${settings}`;
}

describe("what an upstream logs in with", () => {
  test.each([
    ["*.com", "credentials: { tokenFile: secret }"],
    ["*.co.uk", "accounts: [{ username: ann, passwordFile: secret }]"],
    ["*.github.io", "credentials: { gcp: {} }"],
    ["*.elb.amazonaws.com", "credentials: { ecr: {} }"],
    ["*.com", "tls: { certFile: cert, keyFile: key }"],
    ["*", "tls: { certFile: cert, keyFile: key }"],
  ])("is refused where strangers can have a host: %s, %s", async (pattern, settings) => {
    const problems = await findProblems(textOf(pattern, settings), { files });
    expect(problems).toEqual([expect.stringMatching(/would (go|be shown) to any/)]);
  });

  test.each([
    ["*.corp.example", "credentials: { gcp: {} }", "is only for patterns below pkg.dev and gcr.io"],
    ["*.evilpkg.dev", "credentials: { gcp: {} }", "is only for patterns below pkg.dev and gcr.io"],
    ["*.amazonaws.com", "credentials: { ecr: { region: a } }", "is not possible for a pattern"],
    ["*.corp.example", "credentials: { ecr: {} }", "needs region"],
    ["*.evilazurecr.io", "credentials: { acr: {} }", "is only for registries at azurecr.io"],
  ])("of a cloud is refused where others may be behind %s: %s", async (pattern, settings, why) => {
    const problems = await findProblems(textOf(pattern, settings), { files });
    expect(problems).toEqual([expect.stringContaining(why)]);
  });

  test.each([
    ["*.corp.example", "credentials: { tokenFile: secret }"],
    ["*.corp.example", "tls: { certFile: cert, keyFile: key }"],
    ["*.registry.internal", "credentials: { username: ann, passwordFile: secret }"],
    ["*.pkg.dev", "credentials: { gcp: {} }"],
    ["*.gcr.io", "credentials: { gcp: {} }"],
    ["*.azurecr.io", "credentials: { acr: {} }"],
    ["*", "credentials: { dockerConfig: secret }"],
    ["*.com", "credentials: { dockerConfig: secret }"],
  ])(
    "is taken where all hosts are of one owner, or it names hosts: %s, %s",
    async (pattern, settings) => {
      const { config } = await loadText(textOf(pattern, settings), { files });
      expect(config.upstreams.has(pattern)).toBe(true);
    },
  );
});

describe("a pipe that nobody writes into", () => {
  test.each([
    ["credentials: { tokenFile: PIPE }", "credentials.tokenFile"],
    ["tls: { caFile: PIPE }", "tls.caFile"],
  ])("is refused, and not waited for, in %s", async (settings, key) => {
    await using dir = await makeTempDir();
    const pipe = join(dir.path, "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    const text = textOf("quay.io", settings.replace("PIPE", pipe));
    const [problem, ...others] = await findProblems(text);
    expect(problem).toContain(`upstreams.quay.io.${key}: `);
    expect(problem).toContain("names no regular file");
    expect(others).toEqual([]);
  });
});

describe("names that mean something to JavaScript", () => {
  test("are hosts like others, or none, and change nothing of what the others have", async () => {
    const text = `upstreams:\n  docker.io:\n  __proto__: { prefix: hub }\n  constructor: {}`;
    const { config } = await loadText(text);
    expect([...config.upstreams.keys()]).toEqual(["docker.io", "constructor"]);
    expect(config.upstreams.get("docker.io")?.prefix).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("are no prefixes, and no settings", async () => {
    const prefix = "upstreams:\n  docker.io: { prefix: __proto__ }";
    expect(await findProblems(prefix)).toHaveLength(1);
    const setting = "upstreams:\n  docker.io:\n    __proto__: { prefix: hub }";
    expect(await findProblems(setting)).toHaveLength(1);
  });
});
