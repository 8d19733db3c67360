import { readFileSync } from "node:fs";
import { z } from "zod";
import { runProgram } from "./cli/program.ts";
import { startMirror } from "./compose.ts";
import { createLogger } from "./log.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort(signal);
  });
}

// Also gets rejections that nobody handles.
process.on("uncaughtException", (error) => {
  createLogger({ level: "fatal", format: "auto" }).fatal({ err: error }, "unexpected error");
  process.exit(1);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  version: readVersion(),
  env: process.env,
  start: startMirror,
  stop: stop.signal,
});

function readVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
