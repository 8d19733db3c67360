import { describe, expect, test } from "@jest/globals";
import { RegistryError } from "../../../src/oci/errors.ts";
import type {
  OperationArgs,
  Operations,
  ProbeReport,
  ProbeStep,
} from "../../../src/registry/operations/operations.ts";
import { run } from "./run-program.ts";

const at = { upstream: "docker.io", endpoint: "https://registry-1.docker.io" };
const steps: ProbeStep[] = [
  { ...at, step: "dns", outcome: "ok", tookMs: 12, message: "registry-1.docker.io is 192.0.2.1" },
  { ...at, step: "proxy", outcome: "skipped", message: "none is used" },
  { ...at, step: "tls", outcome: "failed", tookMs: 1234, message: "TLS: bad \u001B[31mpeer" },
];
const other: ProbeStep = {
  ...at,
  endpoint: "https://cheap.example",
  step: "dns",
  outcome: "ok",
  tookMs: 1,
  message: "fine",
};

class FakeTest {
  readonly calls: OperationArgs<"testUpstream">[] = [];
  readonly operations: Partial<Operations>;

  constructor({ ok }: { ok: boolean }) {
    this.operations = {
      testUpstream: async (args, { onEvent }) => {
        this.calls.push(args);
        const all = [...steps, other];
        for (const step of all) onEvent(step);
        return { upstreams: [{ host: "docker.io", ok, steps: all }] } satisfies ProbeReport;
      },
    };
  }
}

describe("entrepot upstreams test", () => {
  test("prints the steps to each endpoint as they are taken, and what came of it", async () => {
    const { calls, operations } = new FakeTest({ ok: false });
    const outcome = await run(["upstreams", "test"], { operations });
    expect(calls).toEqual([{}]);
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout.split("\n")).toEqual([
      "docker.io  https://registry-1.docker.io",
      "  dns       ok          12 ms  registry-1.docker.io is 192.0.2.1",
      "  proxy     skipped            none is used",
      "  tls       failed    1234 ms  TLS: bad ?[31mpeer",
      "docker.io  https://cheap.example",
      "  dns       ok           1 ms  fine",
      "docker.io: failed: no endpoint with full trust passed all steps",
      "",
    ]);
  });

  test("is done when all are well", async () => {
    const { operations } = new FakeTest({ ok: true });
    const outcome = await run(["upstreams", "test"], { operations });
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain("\ndocker.io: ok\n");
  });

  test("takes a name, and with --json prints the report and nothing else", async () => {
    const { calls, operations } = new FakeTest({ ok: false });
    const outcome = await run(["upstreams", "test", "node:24", "--json"], { operations });
    expect(calls).toEqual([{ name: "node:24" }]);
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout).upstreams[0].steps).toEqual([...steps, other]);
  });

  test("says what is wrong with a name", async () => {
    const operations: Partial<Operations> = {
      testUpstream: () => Promise.reject(new RegistryError("NAME_UNKNOWN", "it is not mirrored")),
    };
    const outcome = await run(["upstreams", "test", "ghcr.io"], { operations });
    expect(outcome).toMatchObject({ code: 1, stdout: "", stderr: "error: it is not mirrored\n" });
  });
});

describe("the help of entrepot upstreams", () => {
  test.each(["upstreams", "upstreams test"])("of %s has examples", async (command) => {
    const { code, stdout } = await run([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Examples:\n  $ entrepot ${command}`);
    expect(stdout).toContain("--config <file>");
  });
});
