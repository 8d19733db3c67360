import { pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import { redactFields, redactUrls } from "./redact.ts";
import { serializeError } from "./serialize-error.ts";

interface LoggerOptions {
  level: string;
  format: "auto" | "pretty" | "json";
  /** Fields for every line, such as the request id. */
  mixin?: () => object;
  /** Instead of standard output. */
  destination?: DestinationStream;
}

/**
 * Writes synchronously, so that the last words of a dying process arrive. Secrets are taken out of
 * fields and messages; bindings of child loggers are the business of whoever binds them.
 */
export function createLogger({ level, format, mixin, destination }: LoggerOptions): Logger {
  const output = destination ?? pino.destination({ fd: 1, sync: true });
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
    resolveLogFormat(format) === "pretty" ? prettify(output) : output,
  );
}

export function resolveLogFormat(format: LoggerOptions["format"]): "pretty" | "json" {
  if (format !== "auto") return format;
  return process.stdout.isTTY ? "pretty" : "json";
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
