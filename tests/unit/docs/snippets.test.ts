import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { findKnownKeys } from "../../../src/config/settings.ts";
import { authorityFile, clientCertificate } from "../../support/tls/certificates.ts";
import { findProblems, loadText } from "../config/load-from-text.ts";
import { findSnippets, readPage, readPages, type Snippet } from "./markdown.ts";

const topLevelKeys = new Set(findKnownKeys([]));

const pages = await readPages();
const configurations = pages.flatMap(findSnippets).filter(isConfiguration);

function isConfiguration({ language, text }: Snippet): boolean {
  const [, first = ""] = /^(\w+):/m.exec(text) ?? [];
  return language === "yaml" && topLevelKeys.has(first);
}

/** Loads with secrets, certificates and variables in place, wherever the text says they are. */
async function check(text: string): Promise<string[]> {
  const files = {
    "secret.txt": "secret",
    "ca.pem": await readFile(authorityFile, "utf8"),
    "client.pem": await readFile(clientCertificate.certificate, "utf8"),
    "client-key.pem": await readFile(clientCertificate.key, "utf8"),
  };
  const env = Object.fromEntries(
    [...text.matchAll(/(?<!\$)\$\{(\w+)\}/g)].map(([, name = ""]) => [name, "value"]),
  );
  const placed = text
    .replaceAll(/\b(passwordFile|tokenFile|\w+KeyFile|\w+SecretFile): [^\s,}]+/g, "$1: secret.txt")
    .replaceAll(/\b(credentialsFile|dockerConfig): [^\s,}]+/g, "$1: secret.txt")
    .replaceAll(/\bcaFile: [^\s,}]+/g, "caFile: ca.pem")
    .replaceAll(/\bcertFile: [^\s,}]+/g, "certFile: client.pem")
    .replaceAll(/\bkeyFile: [^\s,}]+/g, "keyFile: client-key.pem");
  const problems = await findProblems(placed, { files, env });
  if (problems.length > 0) return problems;
  return (await loadText(placed, { files, env })).warnings;
}

describe("configurations in the documentation", () => {
  test("are there", () => {
    expect(configurations.length).toBeGreaterThan(30);
  });

  test.each(configurations)("$place is one that a server accepts", async ({ text }) => {
    await expect(check(text)).resolves.toEqual([]);
  });
});

describe("docs/configuration.md, all keys with their defaults", () => {
  test("says the defaults", async () => {
    const { config: documented } = await loadText(await readAllKeys());
    const { config: plain } = await loadText("");
    const inOneDirectory = { path: "data", maxAgeMs: plain.storage.maxAgeMs };
    expect({ ...documented, storage: { ...documented.storage, ...inOneDirectory } }).toEqual({
      ...plain,
      storage: { ...plain.storage, ...inOneDirectory },
    });
  });

  test("are well-formed where they are commented out", async () => {
    const text = await readAllKeys();
    const written = text.replaceAll(/^( *)# (\w+:)/gm, "$1$2").replace("accounts: []", "");
    expect(written).not.toContain("#");
    await expect(check(written)).resolves.toEqual([]);
  });
});

async function readAllKeys(): Promise<string> {
  const page = await readPage("docs/configuration.md");
  return findSnippets(page).find(({ text }) => text.startsWith("server:"))?.text ?? "";
}
