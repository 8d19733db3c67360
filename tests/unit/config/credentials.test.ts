import { describe, expect, test } from "@jest/globals";
import { findProblems, loadText } from "./load-from-text.ts";

const at = "upstreams.docker.io.credentials";
const azure = "contoso.azurecr.io";
const amazon = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const oneForm = "need exactly one of username, tokenFile, dockerConfig, ecr, gcp, acr";
const onePassword = "need exactly one of password and passwordFile";

/** Of one upstream; file names are as written. */
async function loadAccounts(host: string, settings: string): Promise<unknown> {
  const others = host === "docker.io" ? "" : "docker.io: , ";
  const { config, directory } = await loadText(
    `upstreams: { ${others}"${host}": { ${settings} } }`,
    { files: { a: "secret\n", b: "other" } },
  );
  const accounts = JSON.stringify(config.upstreams.get(host)?.accounts);
  return JSON.parse(accounts.replaceAll(`${directory}/`, "./"));
}

/** In the third line, from column 20 on. */
function within(credentials: string): string {
  return `upstreams:\n  docker.io:\n    credentials: { ${credentials} }`;
}

describe("credentials", () => {
  test.each([
    ["username: me, password: x", { kind: "password", username: "me", password: { text: "x" } }],
    [
      "username: me, passwordFile: a",
      { kind: "password", username: "me", password: { file: "./a" } },
    ],
    ["tokenFile: a", { kind: "token", file: "./a" }],
    ["dockerConfig: a", { kind: "docker-config", file: "./a" }],
    ["gcp: {}", { kind: "gcp" }],
    ["gcp: { keyFile: a }", { kind: "gcp", keyFile: "./a" }],
    ["ecr: { region: eu-west-1 }", { kind: "ecr", region: "eu-west-1" }],
    [
      "ecr: { region: eu-west-1, accessKeyId: AKIA, secretAccessKeyFile: a }",
      { kind: "ecr", region: "eu-west-1", accessKeyId: "AKIA", secretAccessKeyFile: "./a" },
    ],
    [
      "ecr: { region: eu-west-1, credentialsFile: a, profile: ci }",
      { kind: "ecr", region: "eu-west-1", credentialsFile: "./a", profile: "ci" },
    ],
  ])("are read from { %s }", async (written, account) => {
    expect(await loadAccounts("docker.io", `credentials: { ${written} }`)).toEqual([account]);
  });

  test.each([
    [amazon, "ecr: {}", { kind: "ecr" }],
    ["123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ecr: {}", { kind: "ecr" }],
    ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "ecr: {}", { kind: "ecr" }],
    ["public.ecr.aws", "ecr: {}", { kind: "ecr" }],
    ["*.amazonaws.com", "ecr: {}", { kind: "ecr" }],
    [azure, "acr: {}", { kind: "acr" }],
    ["*.azurecr.io", "acr: { clientId: b }", { kind: "acr", clientId: "b" }],
    [
      azure,
      "acr: { tenant: a, clientId: b, clientSecretFile: a }",
      { kind: "acr", tenant: "a", clientId: "b", clientSecretFile: "./a" },
    ],
    ["*", "dockerConfig: a", { kind: "docker-config", file: "./a" }],
    ["*.corp.example", "tokenFile: a", { kind: "token", file: "./a" }],
  ])("of %s may be { %s }", async (host, written, account) => {
    expect(await loadAccounts(host, `credentials: { ${written} }`)).toEqual([account]);
  });

  test("can be several, in the order of the file", async () => {
    const accounts = "accounts: [{ username: a, passwordFile: a }, { tokenFile: b }]";
    expect(await loadAccounts("docker.io", accounts)).toEqual([
      { kind: "password", username: "a", password: { file: "./a" } },
      { kind: "token", file: "./b" },
    ]);
  });

  test.each([
    ["", `3:5: ${at}: ${oneForm}`],
    ["tokenFile: full, gcp: {}", `3:5: ${at}: ${oneForm}`],
    ["username: me, tokenFile: full", `3:5: ${at}: ${oneForm}`],
    ["username: me", `3:5: ${at}: ${onePassword}`],
    ["username: a, password: b, passwordFile: full", `3:5: ${at}: ${onePassword}`],
    ["password: b", `3:5: ${at}.username: is missing`],
    [
      "username: a:b, password: c",
      `3:30: ${at}.username: the value holds a colon, which HTTP does not allow`,
    ],
    [
      "username: a, passwordFile: none",
      `3:47: ${at}.passwordFile: the value names a file that cannot be read (ENOENT)`,
    ],
    ["username: a, passwordFile: empty", `3:47: ${at}.passwordFile: the value names an empty file`],
    [
      "username: a, password: ''",
      `3:43: ${at}.password: the value is empty; write something, or leave the key out`,
    ],
    [
      "tokenFile: none",
      `3:31: ${at}.tokenFile: the value names a file that cannot be read (ENOENT)`,
    ],
    ["dockerConfig: empty", `3:34: ${at}.dockerConfig: the value names an empty file`],
    ["gcp: { keyFile: empty }", `3:36: ${at}.gcp.keyFile: the value names an empty file`],
    ["gcp: { key: full }", `3:27: ${at}.gcp.key: unknown key; known here: keyFile`],
    ["gcp: yes", `3:25: ${at}.gcp: is not a mapping; write its keys below it, indented`],
    ["ecr: {}", `3:20: ${at}.ecr: needs region, for docker.io does not say it`],
    [
      "ecr: { region: EU }",
      `3:35: ${at}.ecr.region: the value is not a region; write one such as eu-central-1`,
    ],
    [
      "ecr: { region: a, accessKeyId: b }",
      `3:20: ${at}.ecr: need both accessKeyId and secretAccessKeyFile, or none of them`,
    ],
    [
      "ecr: { region: a, accessKeyId: b, secretAccessKeyFile: full, profile: c }",
      `3:20: ${at}.ecr: need one of accessKeyId and credentialsFile with profile, not both`,
    ],
    ["acr: {}", `3:20: ${at}.acr: is only for registries at azurecr.io, and not for docker.io`],
  ])("are refused as { %s }", async (credentials, problem) => {
    const files = { full: "secret", empty: "\n" };
    expect(await findProblems(within(credentials), { files })).toEqual([`mirror.yaml:${problem}`]);
  });

  test("of Azure want all of a service principal", async () => {
    const text = `upstreams:\n  docker.io:\n  ${azure}: { credentials: { acr: { clientSecretFile: a } } }`;
    expect(await findProblems(text, { files: { a: "secret" } })).toEqual([
      `mirror.yaml:3:40: upstreams.${azure}.credentials.acr: need tenant and clientId along with clientSecretFile`,
    ]);
  });

  test.each(["username: a, password: b", "tokenFile: a", "gcp: {}"])(
    "of every host there is are not { %s }",
    async (credentials) => {
      const text = `upstreams:\n  docker.io:\n  "*":\n    credentials: { ${credentials} }`;
      expect(await findProblems(text, { files: { a: "x" } })).toEqual([
        'mirror.yaml:4:5: upstreams."*".credentials: would go to any host; for * only dockerConfig is possible, which names hosts',
      ]);
    },
  );

  test("are either one or several", async () => {
    const text =
      "upstreams:\n  docker.io:\n    credentials: { gcp: {} }\n    accounts: [{ gcp: {} }, { tokenFile: none }]";
    expect(await findProblems(text)).toEqual([
      "mirror.yaml:4:15: upstreams.docker.io.accounts: are there along with credentials; write all of them below accounts",
      "mirror.yaml:4:42: upstreams.docker.io.accounts[1].tokenFile: the value names a file that cannot be read (ENOENT)",
    ]);
  });
});
