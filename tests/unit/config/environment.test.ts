import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { listSettings } from "../../../src/config/settings.ts";
import { variableName } from "../../../src/config/environment.ts";
import { findProblems, loadText } from "./load-from-text.ts";
import { fullEndpoint } from "./plain-upstream.ts";

describe("the name of a setting's variable", () => {
  test.each([
    [["server", "listen"], "ENTREPOT_SERVER_LISTEN"],
    [["tags", "revalidateAfter"], "ENTREPOT_TAGS_REVALIDATE_AFTER"],
    [["tags", "negativeTtl"], "ENTREPOT_TAGS_NEGATIVE_TTL"],
    [["defaultUpstream"], "ENTREPOT_DEFAULT_UPSTREAM"],
    [
      ["upstreams", "my-hub.io:5000", "connections"],
      "ENTREPOT_UPSTREAMS_MY_HUB_IO_5000_CONNECTIONS",
    ],
  ])("of %j is %s", (path, name) => {
    expect(variableName(path)).toBe(name);
  });

  test("is another one for each setting", () => {
    const names = listSettings(["docker.io"]).map(({ path }) => variableName(path));
    expect(names).toContain("ENTREPOT_UPSTREAMS_DOCKER_IO_CREDENTIALS_PASSWORD_FILE");
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("settings from the environment", () => {
  test("win over the file and over defaults", async () => {
    const { config, warnings } = await loadText("tags: { revalidateAfter: 1h }", {
      env: {
        ENTREPOT_TAGS_REVALIDATE_AFTER: "2h",
        ENTREPOT_SERVER_LISTEN: "127.0.0.1:5005",
        ENTREPOT_UPSTREAMS_DOCKER_IO_CONNECTIONS: "9",
        ENTREPOT_UPSTREAMS_DOCKER_IO_ENDPOINTS: "http://a, http://b,",
        ENTREPOT_LOG_LEVEL: "",
      },
    });
    expect(warnings).toEqual([]);
    expect(config.tags.revalidateAfterMs).toBe(7_200_000);
    expect(config.server).toMatchObject({ host: "127.0.0.1", port: 5005 });
    expect(config.log.level).toBe("info");
    expect(config.upstreams.get("docker.io")).toMatchObject({
      connections: 9,
      endpoints: [fullEndpoint("http://a"), fullEndpoint("http://b")],
    });
  });

  test("set sizes, ages and lists of images and platforms", async () => {
    const { config, warnings } = await loadText("", {
      env: {
        ENTREPOT_STORAGE_MAX_SIZE: "100GiB",
        ENTREPOT_STORAGE_MIN_FREE: "10%",
        ENTREPOT_STORAGE_MAX_AGE: "off",
        ENTREPOT_SCRUB_RATE: "1MiB",
        ENTREPOT_PREFETCH_IMAGES: "node, docker.io/library/python:3",
        ENTREPOT_PREFETCH_PLATFORMS: "linux/amd64,linux/arm64",
      },
    });
    expect(warnings).toEqual([]);
    expect(config.storage).toMatchObject({
      maxBytes: 107_374_182_400,
      minFree: { percent: 10 },
      maxAgeMs: Infinity,
    });
    expect(config.scrub.bytesPerSecond).toBe(1_048_576);
    expect(config.prefetch).toMatchObject({
      names: ["node", "docker.io/library/python:3"],
      platforms: [
        { os: "linux", architecture: "amd64" },
        { os: "linux", architecture: "arm64" },
      ],
    });
  });

  test("take all platforms as one word", async () => {
    const { config } = await loadText("", { env: { ENTREPOT_PREFETCH_PLATFORMS: "all" } });
    expect(config.prefetch.platforms).toBe("all");
  });

  test("can choose the upstream and then set it up", async () => {
    const { config } = await loadText("", {
      env: {
        ENTREPOT_DEFAULT_UPSTREAM: "localhost:5001",
        ENTREPOT_UPSTREAMS_LOCALHOST_5001_ENDPOINTS: "http://localhost:5001",
      },
    });
    expect([...config.upstreams.keys()]).toEqual(["localhost:5001"]);
    expect(config.upstreams.get("localhost:5001")?.endpoints).toEqual([
      fullEndpoint("http://localhost:5001"),
    ]);
  });

  test("have paths that are relative to the working directory", async () => {
    const { config } = await loadText("", { env: { ENTREPOT_STORAGE_PATH: "cache" } });
    expect(config.storage.path).toBe(resolve("cache"));
  });

  test("are reported by the variable's name when they are wrong", async () => {
    const env = { ENTREPOT_TAGS_NEGATIVE_TTL: "soon", ENTREPOT_SERVER_LISTEN: "here" };
    expect(await findProblems("server: { listen: there }", { env })).toEqual([
      'environment: ENTREPOT_SERVER_LISTEN: server.listen: "here" is not an address; write host:port, such as "0.0.0.0:5000", ":5000" or "[::]:5000"',
      'environment: ENTREPOT_TAGS_NEGATIVE_TTL: tags.negativeTtl: "soon" is not a duration; write a whole number and ms, s, m, h or d, such as 30s or 5m',
    ]);
  });

  test("do not hide that the file is wrong around them", async () => {
    const env = { ENTREPOT_SERVER_LISTEN: ":1" };
    expect(await findProblems("server: 5", { env })).toEqual([
      "mirror.yaml:1:9: server: is not a mapping; write its keys below it, indented",
    ]);
  });

  test("give a warning when there is no such setting", async () => {
    const env = { ENTREPOT_SERVER_LISTN: ":1", ENTREPOT_SERVER_PORT: "5000", OTHER: "x" };
    const { warnings } = await loadText("", { env });
    expect(warnings).toEqual([
      "environment: ENTREPOT_SERVER_LISTN: sets nothing, there is no such setting; did you mean ENTREPOT_SERVER_LISTEN?",
      "environment: ENTREPOT_SERVER_PORT: sets nothing, there is no such setting",
    ]);
  });

  test("are not confused with what Kubernetes puts beside a service", async () => {
    const { warnings } = await loadText("", {
      env: {
        ENTREPOT_SERVICE_HOST: "10.0.0.1",
        ENTREPOT_SERVICE_PORT: "5000",
        ENTREPOT_SERVICE_PORT_HTTP: "5000",
        ENTREPOT_PORT: "tcp://10.0.0.1:5000",
        ENTREPOT_PORT_5000_TCP: "tcp://10.0.0.1:5000",
        ENTREPOT_PORT_5000_TCP_ADDR: "10.0.0.1",
        ENTREPOT_ADMIN_SERVICE_HOST: "10.0.0.2",
      },
    });
    expect(warnings).toEqual([]);
  });
});
