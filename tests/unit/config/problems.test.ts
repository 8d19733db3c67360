import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../../src/config/config-error.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { findProblems } from "./load-from-text.ts";

const duration = "is not a duration; write a whole number and ms, s, m, h or d, such as 30s or 5m";
const address =
  'is not an address; write host:port, such as "0.0.0.0:5000", ":5000" or "[::]:5000"';
const endpoint =
  "is not an endpoint; write an http or https URL without user name, password, query and fragment";
const mapping = "is not a mapping; write its keys below it, indented";
const host =
  "is not a registry's host; write it in lower case, such as docker.io or localhost:5000";

/** Title, file, and the one problem that it has. */
const wrongFiles: [string, string, string][] = [
  ["a number as address", "server:\n  listen: 5000", `2:11: server.listen: 5000 ${address}`],
  ["a wrong duration", "tags: { negativeTtl: 5x }", `1:22: tags.negativeTtl: "5x" ${duration}`],
  ["a duration without unit", "tags:\n  negativeTtl: 5", `2:16: tags.negativeTtl: 5 ${duration}`],
  [
    "a duration out of range",
    "tags:\n  revalidateTimeout: 1m",
    '2:22: tags.revalidateTimeout: "1m" is out of range; 100ms to 30s is allowed',
  ],
  [
    "an unknown level",
    "log: { level: loud }",
    '1:15: log.level: "loud" is not known; write one of fatal, error, warn, info, debug, trace, silent',
  ],
  [
    "an empty path",
    'storage:\n  path: ""',
    '2:9: storage.path: "" is empty; write something, or leave the key out',
  ],
  [
    "a public URL with a path",
    "server: { publicUrl: http://mirror/v2 }",
    '1:22: server.publicUrl: "http://mirror/v2" is not a URL to pull from; write only http or https, host and port, such as http://mirror:5000',
  ],
  [
    "a key that is nearly right",
    "server:\n  listne: :5000",
    "2:3: server.listne: unknown key; did you mean listen?",
  ],
  [
    "a key of another depth",
    "listen: :5000",
    "1:1: listen: unknown key; did you mean server.listen?",
  ],
  [
    "a key that is nothing like any",
    "log: { rotation: daily }",
    "1:8: log.rotation: unknown key; known here: level, format",
  ],
  [
    "an unknown key without value",
    "log:\n  volume:",
    "2:3: log.volume: unknown key; known here: level, format",
  ],
  ["a scalar instead of a mapping", "server: 5", `1:9: server: ${mapping}`],
  ["a list instead of a mapping", "server:\n  - listen", `2:3: server: ${mapping}`],
  ["a list as the whole file", "- a", `1:1: ${mapping}`],
  [
    "a scalar instead of a list",
    "upstreams: { docker.io: { endpoints: https://a } }",
    "1:38: upstreams.docker.io.endpoints: is not a list; write [a, b], or one entry a line, each after a -",
  ],
  [
    "an empty list of endpoints",
    "upstreams:\n  docker.io:\n    endpoints: []",
    "3:16: upstreams.docker.io.endpoints: is an empty list; write one or more URLs",
  ],
  [
    "an endpoint of another scheme",
    "upstreams: { docker.io: { endpoints: [http://a, ftp://b] } }",
    `1:49: upstreams.docker.io.endpoints[1]: "ftp://b" ${endpoint}`,
  ],
  [
    "an endpoint that is nothing",
    "upstreams:\n  docker.io:\n    endpoints:\n    -\n    - http://a",
    `4:6: upstreams.docker.io.endpoints[0]: null ${endpoint}`,
  ],
  [
    "an endpoint with /v2",
    "upstreams: { docker.io: { endpoints: [https://a/v2/] } }",
    '1:39: upstreams.docker.io.endpoints[0]: "https://a/v2/" ends in /v2, which is added anyway; leave it out',
  ],
  [
    "too many connections for a blob",
    "upstreams: { docker.io: { connectionsPerBlob: 17 } }",
    "1:47: upstreams.docker.io.connectionsPerBlob: 17 is not a whole number from 1 to 16",
  ],
  [
    "a small blob over several connections",
    "upstreams: { docker.io: { parallelFrom: 1023KiB } }",
    '1:41: upstreams.docker.io.parallelFrom: "1023KiB" is too small; 1MiB or more is allowed',
  ],
  [
    "a size without a unit",
    "upstreams: { docker.io: { parallelFrom: large } }",
    '1:41: upstreams.docker.io.parallelFrom: "large" is not a size; write a number and a unit, such as 32MiB or 1GiB',
  ],
  [
    "too few connections",
    "upstreams: { docker.io: { connections: 1 } }",
    "1:40: upstreams.docker.io.connections: 1 is not a whole number from 2 to 1024",
  ],
  [
    "a broken number",
    "upstreams: { docker.io: { retries: 1.5 } }",
    "1:36: upstreams.docker.io.retries: 1.5 is not a whole number from 0 to 20",
  ],
  [
    "a realm that is a URL",
    "upstreams: { docker.io: { tokenRealms: ['https://auth'] } }",
    '1:41: upstreams.docker.io.tokenRealms[0]: "https://auth" is not a host; write it in lower case, such as auth.example.com or localhost:5001',
  ],
  ["a host in capitals", "upstreams: { Docker.io: }", `1:14: upstreams.Docker.io: ${host}`],
  [
    "another name of Docker Hub",
    "defaultUpstream: registry-1.docker.io",
    '1:18: defaultUpstream: "registry-1.docker.io" is Docker Hub; write docker.io',
  ],
  [
    "an upstream that is not the default",
    "upstreams:\n  quay.io: { retries: 1 }",
    '1:1: upstreams: do not name docker.io, where bare names belong; add "docker.io: {}", or write defaultUpstream: quay.io',
  ],
  [
    "a key that is there twice",
    "log:\n  level: info\n  level: warn",
    "3:3: log.level: is there twice; keep one",
  ],
  [
    "an alias",
    "server: { listen: &a ':1', publicUrl: *a }",
    "1:39: server.publicUrl: aliases are not supported; write the value out",
  ],
  [
    "a tag",
    "server: { listen: !port 5 }",
    "1:19: tags are not supported; quote text that begins with !",
  ],
  ["a directive", "%FOO\n---\nlog:", "1:1: directives are not supported"],
  [
    "a bare variable in a flow",
    "storage: { path: ${WHERE} }\nlog: {",
    "1:19: not YAML: Unexpected flow-map-start at node end; within { } and [ ] put quotes around ${NAME}",
  ],
  [
    "a key that begins with a star",
    "upstreams:\n  docker.io:\n  *.pkg.dev: {}",
    "3:3: not YAML: With stringKeys, all keys must be strings; put quotes around what begins with *",
  ],
  ["two documents", "server:\n---\nlog:", "2:1: a second document begins; only one is allowed"],
  [
    "a tab as indentation",
    "server:\n\tlisten: :1",
    "2:1: not YAML: Tabs are not allowed as indentation",
  ],
  [
    "a variable that is not set",
    "storage:\n  path: /a/${WHERE}",
    "2:9: storage.path: ${WHERE} is not set; set it, or write ${WHERE:-default}",
  ],
];

describe("a configuration with a mistake", () => {
  test.each(wrongFiles)("is refused for %s", async (_title, text, problem) => {
    expect(await findProblems(text)).toEqual([`mirror.yaml:${problem}`]);
  });

  test("is refused with everything that is wrong, in the order of the file", async () => {
    const text = `
server:
  listen: nowhere
  drainTimout: 1s
tags: { negativeTtl: 2h }
upstreams:
  docker.io:
    credentials: { username: "a:b", passwordFile: missing, password: '\${NOPE}' }
    retries: many
surprise: true
`;
    const found = await findProblems(text, { env: { ENTREPOT_LOG_LEVEL: "loud" } });
    expect(found.map((problem) => problem.split(": ", 2).join(": "))).toEqual([
      "mirror.yaml:3:11: server.listen",
      "mirror.yaml:4:3: server.drainTimout",
      "mirror.yaml:5:22: tags.negativeTtl",
      "mirror.yaml:8:5: upstreams.docker.io.credentials",
      "mirror.yaml:8:30: upstreams.docker.io.credentials.username",
      "mirror.yaml:8:51: upstreams.docker.io.credentials.passwordFile",
      "mirror.yaml:8:70: upstreams.docker.io.credentials.password",
      "mirror.yaml:9:14: upstreams.docker.io.retries",
      "mirror.yaml:10:1: surprise",
      "environment: ENTREPOT_LOG_LEVEL",
    ]);
  });

  test("is refused where it cannot be read", async () => {
    await using dir = await makeTempDir();
    const missing = loadConfig({ file: `${dir.path}/none.yaml`, env: {} });
    await expect(missing).rejects.toEqual(
      new ConfigError([
        `${dir.path}/none.yaml: there is no such file; name one with --config FILE`,
      ]),
    );
    const directory = loadConfig({ file: dir.path, env: {} });
    await expect(directory).rejects.toThrow(`${dir.path}: cannot be read (EISDIR)`);
  });
});

describe("a secret in a mistake", () => {
  const credentials = "upstreams:\n  docker.io:\n    credentials:";
  test.each([
    ["a password that is a number", `${credentials}\n      username: me\n      password: 5558213`],
    ["credentials as one scalar", `${credentials} me:5558213`],
    ["a password as file name", `${credentials}\n      username: me\n      passwordFile: s5558213`],
    ["an expanded variable", "server: { listen: 'x${SECRET}' }"],
    ["the default of a variable", "server: { listen: '${NONE:-5558213}' }"],
    ["a broken variable", "server: { listen: '${5558213' }"],
    [
      "a user in an endpoint",
      "upstreams: { docker.io: { endpoints: ['https://me:5558213@hub'] } }",
    ],
    [
      "a query in an endpoint",
      "upstreams: { docker.io: { endpoints: ['https://hub?key=5558213'] } }",
    ],
    ["an alias", `${credentials}\n      username: me\n      password: *5558213`],
    ["a tag", `${credentials}\n      username: me\n      password: !5558213 x`],
    ["an escape", `${credentials}\n      username: me\n      password: "\\5558213"`],
    ["text after quotes", `${credentials}\n      username: me\n      password: "a"5558213`],
    ["a block header", `${credentials}\n      username: me\n      password: |5558213`],
    ["a bracket", `${credentials}\n      username: me\n      password: ]5558213`],
    ["a directive", "%5558213\n---\nlog:"],
  ])("is not shown for %s", async (_title, text) => {
    const problems = await findProblems(text, { env: { SECRET: "5558213" } });
    expect(problems.join("\n")).toContain("mirror.yaml:");
    expect(problems.join("\n")).not.toContain("5558213");
  });
});
