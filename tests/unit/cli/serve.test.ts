import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { serve, type ServeOptions } from "../../../src/cli/serve.ts";
import { makeTempDir } from "../../support/temp-dir.ts";

/** A server that only writes down what is asked of it. */
function recordServer(onStart: () => void = () => undefined) {
  const events: string[] = [];
  const start: ServeOptions["start"] = async (config) => {
    events.push(`start ${config.server.port}`);
    onStart();
    return {
      url: "http://127.0.0.1:7",
      drain: async () => void events.push("drain"),
      [Symbol.asyncDispose]: async () => void events.push("dispose"),
    };
  };
  return { events, start };
}

async function serveWith(options: Omit<ServeOptions, "env">): Promise<number> {
  await using dir = await makeTempDir();
  const file = join(dir.path, "mirror.yaml");
  await writeFile(file, 'server: { listen: ":7" }\nlog: { level: silent, format: json }');
  return await serve(file, { ...options, env: {} });
}

describe("serve", () => {
  test("runs until it is told to stop; then drains, disposes, and ends with 0", async () => {
    const stop = new AbortController();
    const { events, start } = recordServer(() => {
      setImmediate(() => {
        events.push("stop");
        stop.abort("SIGTERM");
      });
    });
    expect(await serveWith({ start, stop: stop.signal })).toBe(0);
    expect(events).toEqual(["start 7", "stop", "drain", "dispose"]);
  });

  test("drains at once when it was told to stop while it started", async () => {
    const stop = new AbortController();
    const { events, start } = recordServer(() => stop.abort("SIGINT"));
    expect(await serveWith({ start, stop: stop.signal })).toBe(0);
    expect(events).toEqual(["start 7", "drain", "dispose"]);
  });

  test("passes on what is no fault of the operator", async () => {
    const { start } = recordServer(() => {
      throw new TypeError("a defect");
    });
    const stop = new AbortController().signal;
    await expect(serveWith({ start, stop })).rejects.toThrow("a defect");
  });
});
