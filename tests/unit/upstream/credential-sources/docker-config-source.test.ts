import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { DockerConfigSource } from "../../../../src/upstream/credential-sources/docker-config-source.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";
import { answerScript, makeHelperPrograms, type HelperPrograms } from "./helper-programs.ts";

const noneScript = "echo credentials not found in native keychain; exit 1";

function configPath({ path }: HelperPrograms): string {
  return join(path, "config.json");
}

async function writeConfig(programs: HelperPrograms, config: unknown): Promise<void> {
  await writeFile(configPath(programs), JSON.stringify(config));
}

function open(programs: HelperPrograms, host = "ghcr.io") {
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const { environment } = programs;
  const path = configPath(programs);
  return { source: new DockerConfigSource({ path, host, environment, clock, log }), clock, lines };
}

function stored(username: string) {
  return { auth: Buffer.from(`${username}:pass`).toString("base64") };
}

describe("DockerConfigSource", () => {
  test("gives what the file has, and what it has when it changes", async () => {
    await using programs = await makeHelperPrograms();
    await writeConfig(programs, { auths: { "ghcr.io": stored("ann") } });
    const { source, clock } = open(programs);
    expect(await source.get()).toMatchObject({ username: "ann" });
    await writeConfig(programs, { auths: { "ghcr.io": stored("barbara") } });
    clock.advance(1000);
    expect(await source.get()).toMatchObject({ username: "barbara" });
    await writeConfig(programs, { auths: {} });
    clock.advance(1000);
    expect(await source.get()).toBeUndefined();
  });

  test("keeps what the file had while it is half written", async () => {
    await using programs = await makeHelperPrograms();
    await writeConfig(programs, { auths: { "ghcr.io": stored("ann") } });
    const { source, clock, lines } = open(programs);
    await source.get();
    await writeFile(configPath(programs), '{"auths": {"ghcr.io": {"auth": "c2VjcmV0');
    clock.advance(1000);
    expect(await source.get()).toMatchObject({ username: "ann" });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("c2VjcmV0");
  });

  test("asks the helper first, and the file where that one has none", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("store", noneScript);
    await programs.write("ghcr", answerScript("helped", "pass"));
    const auths = { "ghcr.io": stored("ann"), "quay.io": stored("barbara") };
    await writeConfig(programs, { auths, credsStore: "store", credHelpers: { "ghcr.io": "ghcr" } });
    expect(await open(programs).source.get()).toMatchObject({ username: "helped" });
    expect(await open(programs, "quay.io").source.get()).toMatchObject({ username: "barbara" });
    expect(await programs.readCalls()).toEqual(["ghcr get ghcr.io", "store get quay.io"]);
  });

  test("asks a helper for Docker Hub by the name that docker gives it", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("store", answerScript("ann", "pass"));
    await writeConfig(programs, { credsStore: "store" });
    await open(programs, "docker.io").source.get();
    expect(await programs.readCalls()).toEqual(["store get https://index.docker.io/v1/"]);
  });

  test("does not run the helper again for a change that is about other registries", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("store", answerScript("ann", "pass"));
    await writeConfig(programs, { credsStore: "store" });
    const { source, clock } = open(programs);
    await source.get();
    await writeConfig(programs, { credsStore: "store", auths: { "quay.io": stored("eve") } });
    clock.advance(1000);
    await source.get();
    expect(await programs.readCalls()).toHaveLength(1);
  });

  test("asks another helper when the file names another", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("one", answerScript("ann", "pass"));
    await programs.write("two", answerScript("barbara", "pass"));
    await writeConfig(programs, { credsStore: "one" });
    const { source, clock } = open(programs);
    await source.get();
    await writeConfig(programs, { credsStore: "two" });
    clock.advance(1000);
    expect(await source.get()).toMatchObject({ username: "barbara" });
  });

  test("forgets what was refused, of the helper and of the file", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("one", answerScript("ann", "old"));
    await writeConfig(programs, { credsStore: "one" });
    const { source } = open(programs);
    const old = await source.get();
    await programs.write("one", answerScript("ann", "new"));
    if (old) source.refuse(old);
    const renewed = await source.get();
    expect(renewed).toMatchObject({ password: "new" });
    await writeConfig(programs, { auths: { "ghcr.io": stored("barbara") } });
    if (renewed) source.refuse(renewed);
    expect(await source.get()).toMatchObject({ username: "barbara" });
  });
});
