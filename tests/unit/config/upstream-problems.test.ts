import { describe, expect, test } from "@jest/globals";
import { findProblems } from "./load-from-text.ts";

const hub = "upstreams.docker.io";
const patternKey = "is not possible for a pattern; leave it out, or write it at one host";
const idle =
  "matches nothing, for names at Docker Hub have two components or more; write one such as library/node or **";
const pattern =
  "is not a pattern; write repository or repository:tag in lower case, with * for any characters within a component and ** for any across components";
const hostPattern =
  'is not a pattern of hosts; write "*", or *. and a domain in lower case, such as "*.pkg.dev"';

/** Title, settings of docker.io in the third line from column 5 on, and the one problem. */
const wrongSettings: [string, string, string][] = [
  [
    "an endpoint that is there twice",
    "endpoints: [https://a, { url: 'https://A/' }]",
    `3:28: ${hub}.endpoints[1]: is there twice; keep one`,
  ],
  [
    "endpoints of which none has full trust",
    "endpoints: [{ url: https://a, trust: content }]",
    `3:16: ${hub}.endpoints: need one or more with trust: full, which are asked for tags`,
  ],
  [
    "an unknown trust",
    "endpoints: [{ url: https://a, trust: some }]",
    `3:42: ${hub}.endpoints[0].trust: "some" is not known; write one of full, content`,
  ],
  [
    "an endpoint without URL",
    "endpoints: [{ trust: full }]",
    `3:17: ${hub}.endpoints[0].url: is missing`,
  ],
  [
    "an unknown key of an endpoint",
    "endpoints: [{ url: https://a, proxi: direct }]",
    `3:35: ${hub}.endpoints[0].proxi: unknown key; did you mean proxy?`,
  ],
  [
    "an unknown strategy",
    "strategy: slowest",
    `3:15: ${hub}.strategy: "slowest" is not known; write one of ordered, fastest`,
  ],
  [
    "a prefix with a dot",
    "prefix: hub.io",
    `3:13: ${hub}.prefix: "hub.io" is not a prefix; write letters in lower case and digits, separated by - or _, such as hub`,
  ],
  [
    "a prefix of two components",
    "prefix: a/b",
    `3:13: ${hub}.prefix: "a/b" is not a prefix; write letters in lower case and digits, separated by - or _, such as hub`,
  ],
  ...["v2", "library", "localhost"].map((word): [string, string, string] => [
    `the prefix ${word}`,
    `prefix: ${word}`,
    `3:13: ${hub}.prefix: "${word}" means something already; write another than v2, library, localhost`,
  ]),
  [
    "a host that is a URL",
    "hosts: ['http://a']",
    `3:13: ${hub}.hosts[0]: "http://a" is not a host; write one of the mirror's own names in lower case, such as hub.mirror.example or hub.mirror.example:5000`,
  ],
  [
    "a host that is there twice",
    "hosts: [a.lan, a.lan]",
    `3:20: ${hub}.hosts[1]: "a.lan" is a host of docker.io already; write another`,
  ],
  ["a broken pattern", "allow: ['A/b']", `3:13: ${hub}.allow[0]: "A/b" ${pattern}`],
  [
    "a digest",
    "deny: ['a/b@sha256:0']",
    `3:12: ${hub}.deny[0]: the value holds a digest; rules match names and tags only`,
  ],
  [
    "a name that Docker Hub does not have",
    "deny: ['node:*']",
    `3:12: ${hub}.deny[0]: "node:*" ${idle}`,
  ],
  [
    "a pattern with the registry",
    "allow: [docker.io/library/*]",
    `3:13: ${hub}.allow[0]: "docker.io/library/*" begins with the registry, which goes without saying; leave out docker.io/`,
  ],
  [
    "a message of nothing",
    "denyMessage: ''",
    `3:18: ${hub}.denyMessage: "" is empty; write something, or leave the key out`,
  ],
  [
    "allowed addresses of a named registry",
    "allowAddresses: [10.0.0.0/8]",
    `3:21: ${hub}.allowAddresses: is only for patterns; what is named may be at any address, so leave it out`,
  ],
  [
    "a rate that is too low",
    "minRate: 1B",
    `3:14: ${hub}.minRate: "1B" is too low; 1KiB or more is allowed, or off`,
  ],
  [
    "a rate that is none",
    "minRate: slow",
    `3:14: ${hub}.minRate: "slow" is not a rate; write a size such as 20MiB or 20MiB/s, or off`,
  ],
  [
    "a time that is too short",
    "minRateFor: 1ms",
    `3:17: ${hub}.minRateFor: "1ms" is out of range; 1s to 5m is allowed`,
  ],
  ["a misspelt key", "prefx: hub", `3:5: ${hub}.prefx: unknown key; did you mean prefix?`],
];

/** Title, file, and the one problem. */
const wrongFiles: [string, string, string][] = [
  [
    "several upstreams without the default one",
    "upstreams:\n  ghcr.io:\n  quay.io:",
    '1:1: upstreams: do not name docker.io, where bare names belong; add "docker.io: {}", or write defaultUpstream: ghcr.io or another of them',
  ],
  [
    "patterns alone",
    'upstreams: { "*": }',
    '1:1: upstreams: do not name docker.io, where bare names belong; add "docker.io: {}"',
  ],
  [
    "a default upstream that is not there",
    "defaultUpstream: a.io\nupstreams: { docker.io: , quay.io: }",
    '2:1: upstreams: do not name a.io, where bare names belong; add "a.io: {}", or write defaultUpstream: docker.io or another of them',
  ],
  [
    "a pattern as default upstream",
    'defaultUpstream: "*.pkg.dev"\nupstreams: { docker.io: , "*.pkg.dev": }',
    '1:18: defaultUpstream: "*.pkg.dev" is not a registry\'s host; write it in lower case, such as docker.io or localhost:5000',
  ],
  [
    "another name of Docker Hub among several",
    "upstreams: { docker.io: , index.docker.io: }",
    "1:27: upstreams.index.docker.io: is Docker Hub; write docker.io",
  ],
  ...["*pkg.dev", "*.", "a.*.dev", "**", "*.PKG.dev"].map((key): [string, string, string] => [
    `the pattern ${key}`,
    `upstreams: { docker.io: , "${key}": }`,
    `1:27: upstreams."${key}": ${hostPattern}`,
  ]),
  [
    "endpoints of a pattern",
    'upstreams:\n  docker.io:\n  "*": { endpoints: [https://a] }',
    `3:21: upstreams."*".endpoints: ${patternKey}`,
  ],
  [
    "a prefix of a pattern",
    'upstreams:\n  docker.io:\n  "*.pkg.dev": { prefix: pkg }',
    `3:26: upstreams."*.pkg.dev".prefix: "pkg" ${patternKey}`,
  ],
  [
    "hosts of a pattern",
    'upstreams:\n  docker.io:\n  "*.pkg.dev": { hosts: [a.lan] }',
    `3:25: upstreams."*.pkg.dev".hosts: ${patternKey}`,
  ],
  [
    "addresses that are none",
    'upstreams:\n  docker.io:\n  "*": { allowAddresses: [10.0.0.0/33] }',
    '3:27: upstreams."*".allowAddresses[0]: "10.0.0.0/33" is not a CIDR block; write one such as 10.0.0.0/8 or fd00::/8',
  ],
  [
    "a prefix of two upstreams",
    "upstreams:\n  docker.io: { prefix: hub }\n  quay.io: { prefix: hub }",
    '3:22: upstreams.quay.io.prefix: "hub" is a prefix of docker.io already; write another',
  ],
  [
    "a prefix that is another upstream",
    "upstreams:\n  docker.io: { prefix: registry }\n  registry:",
    '2:24: upstreams.docker.io.prefix: "registry" is an upstream itself; write another',
  ],
  [
    "a host of two upstreams",
    "upstreams:\n  docker.io: { hosts: [a.lan] }\n  quay.io:\n    hosts: [b.lan, a.lan]",
    '4:20: upstreams.quay.io.hosts[1]: "a.lan" is a host of docker.io already; write another',
  ],
  [
    "a host that is another upstream",
    "upstreams:\n  docker.io: { hosts: [quay.io] }\n  quay.io:",
    '2:24: upstreams.docker.io.hosts[0]: "quay.io" is an upstream itself; write another',
  ],
  [
    "a host that is another upstream by its other name",
    "upstreams:\n  docker.io:\n  quay.io: { hosts: [registry-1.docker.io] }",
    '3:22: upstreams.quay.io.hosts[0]: "registry-1.docker.io" is an upstream itself; write another',
  ],
];

describe("an upstream with a mistake", () => {
  test.each(wrongSettings)("is refused for %s", async (_title, settings, problem) => {
    expect(await findProblems(`upstreams:\n  docker.io:\n    ${settings}`)).toEqual([
      `mirror.yaml:${problem}`,
    ]);
  });

  test.each(wrongFiles)("is refused for %s", async (_title, text, problem) => {
    expect(await findProblems(text)).toEqual([`mirror.yaml:${problem}`]);
  });

  test("is refused with all mistakes at once", async () => {
    const text = `
upstreams:
  docker.io:
    endpoints: [ftp://a, { url: https://b, tls: { certFile: none } }]
    prefix: hub
    proxy: { registry: nowhere }
  ghcr.io:
    prefix: hub
    accounts: [{}, { ecr: {} }]
  "*": { prefix: all, strategy: any }
`;
    const found = await findProblems(text);
    expect(found.map((problem) => problem.split(": ", 2).join(": "))).toEqual([
      "mirror.yaml:4:17: upstreams.docker.io.endpoints[0]",
      "mirror.yaml:4:44: upstreams.docker.io.endpoints[1].tls",
      "mirror.yaml:4:61: upstreams.docker.io.endpoints[1].tls.certFile",
      "mirror.yaml:6:24: upstreams.docker.io.proxy.registry",
      "mirror.yaml:8:13: upstreams.ghcr.io.prefix",
      "mirror.yaml:9:16: upstreams.ghcr.io.accounts[0]",
      "mirror.yaml:9:22: upstreams.ghcr.io.accounts[1].ecr",
      'mirror.yaml:10:18: upstreams."*".prefix',
      'mirror.yaml:10:33: upstreams."*".strategy',
    ]);
  });

  test.each([
    ["an account's password", "accounts: [{ username: me, password: 5558213 }]"],
    ["an account that is a scalar", "accounts: [5558213]"],
    ["a proxy", "proxy: 'socks5:me:5558213'"],
    ["a proxy of one purpose", "endpoints: [{ url: https://a, proxy: { token: 'me:5558213' } }]"],
    ["an expanded pattern", "allow: ['A${SECRET}']"],
  ])("does not show %s", async (_title, settings) => {
    const env = { SECRET: "5558213" };
    const problems = await findProblems(`upstreams:\n  docker.io:\n    ${settings}`, { env });
    expect(problems.join("\n")).toContain("mirror.yaml:3:");
    expect(problems.join("\n")).not.toContain("5558213");
  });
});
