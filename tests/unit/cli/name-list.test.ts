import { describe, expect, test } from "@jest/globals";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { NameListError, readNameList } from "../../../src/cli/name-list.ts";
import { makeTempDir } from "../../support/temp-dir.ts";

const { signal } = new AbortController();

function namesIn(text: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  return readNameList({ file: "-", stdin: Readable.from([Buffer.from(text)]), env, signal });
}

function readFrom(file: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  return readNameList({ file, stdin: Readable.from([]), env, signal });
}

async function problemsIn(text: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  try {
    await namesIn(text, env);
  } catch (error) {
    if (error instanceof NameListError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const node = "docker.io/library/node:24";
const redis = "docker.io/library/redis:7";

describe("a plain list", () => {
  test("is one name a line, with comments and empty lines", async () => {
    const text = "# ours\r\nnode:24\r\n\r\n  ghcr.io/a/b   # theirs\n\tlocalhost:5000/c:1#x";
    await expect(problemsIn(text)).resolves.toEqual([
      expect.stringContaining('standard input:5: "localhost:5000/c:1#x" is not a name to pull'),
    ]);
    await expect(namesIn(text.replace("#x", ""))).resolves.toEqual([
      node,
      "ghcr.io/a/b:latest",
      "localhost:5000/c:1",
    ]);
  });

  test("names each once, in order, in whatever form it is written", async () => {
    const text = "redis:7\nnode:24\nlibrary/redis:7\ndocker.io/library/node:24\n";
    await expect(namesIn(text)).resolves.toEqual([redis, node]);
  });

  test("may be empty", async () => {
    await expect(namesIn("# nothing yet\n")).resolves.toEqual([]);
  });

  test("tells every line that is no name", async () => {
    await expect(problemsIn("node:24\nNode\nok\n- redis\n")).resolves.toEqual([
      expect.stringMatching(/^standard input:2: "Node" is not a name to pull: /),
      expect.stringMatching(/^standard input:4: "- redis" is not a name to pull: /),
    ]);
  });
});

describe("a compose file", () => {
  test("names the images of all services; one that is only built is passed over", async () => {
    const text = `
name: shop
services:
  web: { image: "node:24", build: . }
  app:
    build: ./app
  cache:
    image: redis:7
    profiles: [debug]
`;
    await expect(namesIn(text)).resolves.toEqual([node, redis]);
  });

  test("takes an image that is merged into a service", async () => {
    const text = `
x-base: &base
  image: node:24
x-more: &more { restart: always }
services:
  web:
    <<: [*more, *base]
  other: *base
  own:
    <<: *base
    image: redis:7
`;
    await expect(namesIn(text)).resolves.toEqual([node, redis]);
  });

  test("takes services that are merged into the list of them", async () => {
    const text = `
x-common: &common
  web: { image: "redis:6" }
  cache: { image: "redis:7" }
services:
  <<: *common
  web: { image: "node:24" }
`;
    await expect(namesIn(text)).resolves.toEqual([node, redis]);
  });

  test("prefers what is merged through the first of several to the second", async () => {
    const text = `
x-deep: &deep { image: "node:24" }
x-first: &first { <<: *deep }
x-second: &second { image: "redis:7" }
services: { web: { <<: [*first, *second] } }
`;
    await expect(namesIn(text)).resolves.toEqual([node]);
  });

  test("may merge deeper than calls can nest", async () => {
    const count = 20_000;
    const maps = Array.from({ length: count }, (_, i) => `x${i + 1}: &x${i + 1} { <<: *x${i} }\n`);
    const text = `x0: &x0 { image: "node:24" }\n${maps.join("")}services: { web: *x${count} }\n`;
    await expect(namesIn(text)).resolves.toEqual([node]);
  });

  test("expands variables as compose does", async () => {
    const env = { TAG: "24", EMPTY: "", NAME: "node" };
    const cases = {
      "node:$TAG": "node:24",
      "node:${TAG}": "node:24",
      "node:${TAG:-22}": "node:24",
      "node:${EMPTY:-22}": "node:22",
      "node:${UNSET-22}": "node:22",
      "node${EMPTY-:22}": "node:latest",
      "${NAME:+$NAME}:${UNSET:-${OTHER:-${TAG}}}": "node:24",
      "node${UNSET+:22}": "node:latest",
      "${UNSET}node:${TAG?needed}": "node:24",
    };
    for (const [image, name] of Object.entries(cases)) {
      const found = await namesIn(`services: { web: { image: '${image}' } }`, env);
      expect([image, found]).toEqual([image, [`docker.io/library/${name}`]]);
    }
  });

  test("tells which variable is missing, and where", async () => {
    const text = `services:
  a:
    image: node:\${TAG:?tell which}
  b:
    image: node:\${TAG}
  c:
    image: node:\${TAG
  d:
    image: node:$$TAG
  e:
    image: node:$5
  f:
    image: node:\${1}
`;
    await expect(problemsIn(text)).resolves.toEqual([
      "standard input:3: image of service a: TAG is not set: tell which",
      expect.stringMatching(/^standard input:5: "node:" is not a name to pull \(not set: TAG\)/),
      "standard input:7: image of service c: has a ${ without a }",
      expect.stringMatching(/^standard input:9: "node:\$TAG" is not a name to pull: /),
      "standard input:11: image of service e: has a $ that begins no variable; write $$",
      "standard input:13: image of service f: has a malformed variable; write ${NAME}",
    ]);
  });

  test("takes variables from .env beside it, where the environment has none", async () => {
    await using dir = await makeTempDir();
    const file = join(dir.path, "compose.yaml");
    await writeFile(join(dir.path, ".env"), "# ours\nNODE=22\nREDIS='7'\n");
    await writeFile(file, "services: { a: { image: 'node:$NODE' }, b: { image: 'redis:$REDIS' } }");
    const names = await readFrom(file, { NODE: "24" });
    expect(names).toEqual([node, redis]);
  });

  test("says so where images are in other files, or nowhere", async () => {
    const text = `
include: [other.yaml]
services:
  a:
    extends: { file: base.yaml, service: b }
  b:
    extends: { service: c }
  c: { image: node:24 }
  d: { command: sleep }
  e: { image: [node] }
`;
    await expect(problemsIn(text)).resolves.toEqual([
      expect.stringMatching(/^standard input:2: includes other files.*docker compose config/),
      expect.stringMatching(/^standard input:5: service a extends .*docker compose config/),
      "standard input:9: service d has neither image nor build",
      "standard input:10: image of service e is not text",
    ]);
  });
});

describe("Kubernetes YAML", () => {
  test("names the images of all containers, at whatever depth", async () => {
    const text = `# rendered
---
apiVersion: v1
kind: Pod
spec:
  containers:
    - { name: a, image: "node:24" }
  initContainers:
    - { name: b, image: redis:7 }
  ephemeralContainers:
    - { name: c, image: ghcr.io/c/c:1 }
---
apiVersion: batch/v1
kind: CronJob
spec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: quay.io/d/d:1 }] } } } } }
---
# nothing
---
apiVersion: example.com/v1
kind: Whatever
spec:
  podTemplate:
    spec:
      containers: [{ name: patch }, { image: e/e:1 }]
      volumes:
        - { name: f, image: { reference: f/f:1 } }
        - { name: g, configMap: { image: not/an:image } }
`;
    await expect(namesIn(text)).resolves.toEqual([
      node,
      redis,
      "ghcr.io/c/c:1",
      "quay.io/d/d:1",
      "docker.io/e/e:1",
      "docker.io/f/f:1",
    ]);
  });

  test("may be a List, in JSON", async () => {
    const pod = { apiVersion: "v1", kind: "Pod", spec: { containers: [{ image: "node:24" }] } };
    const list = { apiVersion: "v1", kind: "List", items: [pod, pod] };
    await expect(namesIn(JSON.stringify(list, undefined, 2))).resolves.toEqual([node]);
  });

  test("tells where an image is none", async () => {
    const text = `apiVersion: v1
kind: Pod
spec:
  containers:
    - image: NODE
    - image: 5
`;
    await expect(problemsIn(text)).resolves.toEqual([
      expect.stringMatching(/^standard input:5: "NODE" is not a name to pull: /),
      "standard input:6: image is not text",
    ]);
  });
});

describe("what is none of these", () => {
  test("is refused", async () => {
    await expect(problemsIn("replicas: 3\n")).resolves.toEqual([
      expect.stringMatching(/^standard input: is no list of names .*no compose file/),
    ]);
    await expect(problemsIn("services:\n  a: [\n")).resolves.toEqual([
      expect.stringMatching(/^standard input:\d+: not YAML: /),
    ]);
  });

  test("is told by its name where it cannot be read", async () => {
    await using dir = await makeTempDir();
    const missing = join(dir.path, "missing");
    await expect(readFrom(missing)).rejects.toThrow(`${missing}: there is no such file`);
    await expect(readFrom(dir.path)).rejects.toThrow(`${dir.path}: cannot be read (EISDIR)`);
    const binary = join(dir.path, "binary");
    await writeFile(binary, Uint8Array.of(0xff, 0xfe, 0x00));
    await expect(readFrom(binary)).rejects.toThrow("is not text in UTF-8");
  });

  test("is not waited for when the command is stopped", async () => {
    const stop = new AbortController();
    const stdin = new Readable({ read: () => stop.abort() });
    const reading = readNameList({ file: "-", stdin, env: {}, signal: stop.signal });
    await expect(reading).rejects.toThrow("aborted");
  });

  test("cannot make it use up memory or time", async () => {
    await expect(problemsIn("x".repeat(5_000_000))).resolves.toEqual([
      "standard input: is larger than 4 MiB",
    ]);
    await expect(problemsIn(`a: ${"[".repeat(50_000)}`)).resolves.toHaveLength(1);
    const levels = Array.from({ length: 30 }, (_, level) => {
      const below = level === 0 ? "{ image: node:24 }" : `[*l${level - 1}, *l${level - 1}]`;
      return `l${level}: &l${level} ${below}`;
    });
    const laughs = `apiVersion: v1\n${levels.join("\n")}\ncontainers: *l29\n`;
    await expect(namesIn(laughs)).resolves.toEqual([]);
    const merges = Array.from({ length: 30 }, (_, level) =>
      level === 0 ? "m0: &m0 {}" : `m${level}: &m${level} { <<: [*m${level - 1}, *m${level - 1}] }`,
    );
    const merging = `${merges.join("\n")}\nservices: { a: { <<: *m29, image: node:24 }, b: *m29 }`;
    await expect(problemsIn(merging)).resolves.toEqual([
      expect.stringContaining("service b has neither image nor build"),
    ]);
  });
});
