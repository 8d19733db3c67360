import { readFileSync } from "node:fs";
import { destination } from "pino";
import { z } from "zod";
import { runProgram } from "./cli/program.ts";
import { openOperations, startMirror } from "./compose.ts";
import { createLogger } from "./log.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort(signal);
  });
}

const args = process.argv.slice(2);

// Also gets rejections that nobody handles. A command's standard output is for its result.
process.on("uncaughtException", (error) => {
  const output = destination({ fd: args[0] === "serve" ? 1 : 2, sync: true });
  const log = createLogger({ level: "fatal", format: "auto", destination: output });
  log.fatal({ err: error }, "unexpected error");
  process.exit(1);
});

const version = readVersion();
const environment = process.env;
const identity = { version, command: `entrepot ${args[0] ?? ""}` };

process.exitCode = await runProgram(args, {
  version,
  env: environment,
  start: (config) => startMirror(config, identity, { environment }),
  openOperations: (config, storage) => openOperations(config, identity, { storage, environment }),
  stop: stop.signal,
});

function readVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
