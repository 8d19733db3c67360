import { pino, type Logger } from "pino";

/** A real logger whose lines can be read. */
export function makeRecordingLog(): { log: Logger; lines: unknown[] } {
  const lines: unknown[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}
