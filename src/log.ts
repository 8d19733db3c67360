import { pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import { BatchedOutput } from "./batched-output.ts";
import { redactFields, redactUrls } from "./redact.ts";
import { RequestLines } from "./request-lines.ts";
import { serializeError } from "./serialize-error.ts";

interface LoggerOptions {
  level: string;
  format: "auto" | "pretty" | "json";
  /** Fields for every line, such as the request id. */
  mixin?: () => object;
  /** Instead of standard output. */
  destination?: DestinationStream;
}

interface Logs {
  log: Logger;
  /** For the line of each request, which is written at the end of the event loop's turn. */
  requestLines: RequestLines;
}

/**
 * Writes synchronously, so that the last words of a dying process arrive. Secrets are taken out of
 * fields and messages; bindings of child loggers are the business of whoever binds them.
 */
export function createLogger(options: LoggerOptions): Logger {
  return redactingLogger(options, options.destination ?? standardOutput());
}

/** Both write to the same place, and in order. */
export function createLogs(options: LoggerOptions): Logs {
  const output = new BatchedOutput(options.destination ?? standardOutput());
  if (!options.destination) process.once("exit", () => output.flush());
  const log = redactingLogger(options, output.urgent);
  const isEnabled = { debug: log.isLevelEnabled("debug"), info: log.isLevelEnabled("info") };
  const requestOutput = formatted(options.format, output.patient);
  return { log, requestLines: new RequestLines(requestOutput, isEnabled) };
}

function redactingLogger({ level, format, mixin }: LoggerOptions, output: DestinationStream) {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: redactFields,
        bindings: redactFields,
      },
      serializers: { err: serializeError },
      hooks: { streamWrite: redactUrls },
      ...(mixin && { mixin }),
    },
    formatted(format, output),
  );
}

function standardOutput(): DestinationStream {
  return pino.destination({ fd: 1, sync: true });
}

export function resolveLogFormat(format: LoggerOptions["format"]): "pretty" | "json" {
  if (format !== "auto") return format;
  return process.stdout.isTTY ? "pretty" : "json";
}

function formatted(format: LoggerOptions["format"], output: DestinationStream): DestinationStream {
  return resolveLogFormat(format) === "pretty" ? prettify(output) : output;
}

function prettify(output: DestinationStream): DestinationStream {
  const colorize = process.stdout.isTTY && process.stdout.hasColors();
  const format = prettyFactory({
    colorize,
    singleLine: true,
    translateTime: "SYS:HH:MM:ss",
    errorLikeObjectKeys: ["err"],
  });
  return { write: (line) => output.write(format(line)) };
}
