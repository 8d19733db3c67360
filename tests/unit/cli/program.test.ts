import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeTempDir } from "../../support/temp-dir.ts";
import { runMain } from "./run-main.ts";

/** Runs the program in a directory that holds `text` as mirror.config.yaml, unless that is undefined. */
async function runWith(text: string | undefined, args: string[], env: NodeJS.ProcessEnv = {}) {
  await using dir = await makeTempDir();
  if (text !== undefined) await writeFile(join(dir.path, "mirror.config.yaml"), text);
  return { ...(await runMain(args, { cwd: dir.path, env })), directory: dir.path };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function serveStatus(status: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/healthz" ? status : 404).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe("entrepot", () => {
  test("--version prints that of package.json", async () => {
    const packageText = await readFile(resolve("package.json"), "utf8");
    const { code, stdout } = await runWith(undefined, ["--version"]);
    expect(code).toBe(0);
    expect(packageText).toContain(`"version": "${stdout.trim()}"`);
  });

  test.each([[["--help"]], [["help"]], [["serve", "--help"]]])("%j prints help", async (args) => {
    const { code, stdout, stderr } = await runWith(undefined, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: entrepot/);
  });

  test("--help has examples", async () => {
    const { stdout } = await runWith(undefined, ["--help"]);
    expect(stdout).toContain("$ entrepot serve --config");
  });

  test.each([
    [[], /^Usage: entrepot/],
    [["serv"], /^error: unknown command 'serv'\n\(Did you mean serve\?\)/],
    [["serve", "--port", "1"], /^error: unknown option '--port'/],
    [["serve", "extra"], /^error: too many arguments/],
    [["serve", "--config"], /^error: option '-c, --config <file>' argument missing/],
    [["config"], /^Usage: entrepot config/],
  ])("%j is wrong usage: says so, shows the usage, ends with 2", async (args, complaint) => {
    const { code, stdout, stderr } = await runWith("", args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(complaint);
    expect(stderr).toContain("Usage: entrepot");
  });
});

describe("entrepot config check", () => {
  test("says that a good file is good, and what it means", async () => {
    const { code, stdout, stderr, directory } = await runWith("log: { level: warn }", [
      "config",
      "check",
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      `mirror.config.yaml: ok\nmirrors docker.io from https://registry-1.docker.io, listens on http://0.0.0.0:5000, stores in ${directory}/data\n`,
    );
  });

  test("prints all problems to standard error and ends with 2", async () => {
    const { code, stdout, stderr } = await runWith("servr:\nlog: { level: 5 }", [
      "config",
      "check",
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "mirror.config.yaml:1:1: servr: unknown key; did you mean server?\n" +
        "mirror.config.yaml:2:15: log.level: 5 is not known; write one of fatal, error, warn, info, debug, trace, silent\n",
    );
  });

  test("passes on nothing that a terminal obeys", async () => {
    const text = 'storage: { path: "/\\e[31m\\x9b" }\nlog: { level: "\\x9b" }';
    const wrong = await runWith(text, ["config", "check"]);
    const good = await runWith(text.split("\n", 1)[0], ["config", "check"]);
    expect([wrong.code, good.code]).toEqual([2, 0]);
    expect((wrong.stderr + good.stdout).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("prints warnings to standard error", async () => {
    const { code, stderr } = await runWith("", ["config", "check"], { ENTREPOT_PROT: "1" });
    expect(code).toBe(0);
    expect(stderr).toBe(
      "warning: environment: ENTREPOT_PROT: sets nothing, there is no such setting\n",
    );
  });
});

describe("entrepot config check --json", () => {
  test("is one document about a good file", async () => {
    const env = { ENTREPOT_PROT: "1" };
    const { code, stdout, stderr } = await runWith("", ["config", "check", "--json"], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      file: "mirror.config.yaml",
      ok: true,
      problems: [],
      warnings: ["environment: ENTREPOT_PROT: sets nothing, there is no such setting"],
    });
  });

  test("is one document about a wrong file, and ends with 2", async () => {
    const { code, stdout, stderr } = await runWith("servr:", ["config", "check", "--json"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      file: "mirror.config.yaml",
      ok: false,
      problems: ["mirror.config.yaml:1:1: servr: unknown key; did you mean server?"],
      warnings: [],
    });
  });
});

describe("entrepot healthcheck", () => {
  test.each([
    [200, 0],
    [503, 1],
    [404, 1],
  ])("of a server that answers %i ends with %i", async (status, expected) => {
    const server = await serveStatus(status);
    try {
      const settings = `server: { listen: ":${portOf(server)}" }`;
      const { code } = await runWith(settings, ["healthcheck"], {
        NODE_USE_ENV_PROXY: "1",
        HTTP_PROXY: "http://127.0.0.1:1",
      });
      expect(code).toBe(expected);
    } finally {
      server.close();
    }
  });

  test("of a server that is not there ends with 1", async () => {
    const server = await serveStatus(200);
    const port = portOf(server);
    server.close();
    await once(server, "close");
    const settings = `server: { listen: "127.0.0.1:${port}" }`;
    const { code, stderr } = await runWith(settings, ["healthcheck"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`http://127.0.0.1:${port}/healthz: `);
  });

  test("with a wrong configuration ends with 1, which container engines know", async () => {
    const { code, stderr } = await runWith("wrong: 1", ["healthcheck"]);
    expect(code).toBe(1);
    expect(stderr).toContain("wrong: unknown key");
  });
});

describe("entrepot serve", () => {
  test("with a wrong configuration lists the problems and ends with 2, before anything listens", async () => {
    const { code, stdout, stderr } = await runWith("wrong: 1", ["serve"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^mirror\.config\.yaml:1:1: wrong: unknown key; known here: server, /);
  });

  test("where another process has the port says so and ends with 1", async () => {
    const server = await serveStatus(200);
    try {
      const address = `127.0.0.1:${portOf(server)}`;
      const { code, stderr } = await runWith(`server: { listen: "${address}" }`, ["serve"]);
      expect(code).toBe(1);
      expect(stderr).toContain(address);
      expect(stderr).toContain("server.listen");
      expect(stderr).not.toContain("    at ");
    } finally {
      server.close();
    }
  });
});
