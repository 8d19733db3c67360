import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { setTimeout as delay } from "node:timers/promises";
import { selectRanges } from "../../src/oci/byte-range.ts";
import type { InjectedFault } from "./fake-registry-faults.ts";
import type { Journal, JournalEntry } from "./fake-registry-journal.ts";

export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Uint8Array;
  /** `Range` is honoured. */
  ranged?: boolean;
}

export function errorAnswer(
  status: number,
  code: string,
  headers: OutgoingHttpHeaders = {},
): Answer {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
  return { status, headers: { "content-type": "application/json", ...headers }, body };
}

export function jsonAnswer(value: unknown, headers: OutgoingHttpHeaders = {}): Answer {
  const body = Buffer.from(JSON.stringify(value));
  return { status: 200, headers: { "content-type": "application/json", ...headers }, body };
}

/** Sends answers as they are, or as a fault wants them. */
export class AnswerSender {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  async send(
    answer: Answer,
    entry: JournalEntry,
    response: ServerResponse,
    injected: InjectedFault | undefined,
  ): Promise<void> {
    const shaped = shapeAnswer(answer, entry, injected);
    response.writeHead(shaped.status, shaped.headers);
    entry.status = shaped.status;
    this.#journal.changed();
    if (entry.method === "HEAD") response.end();
    else await this.#sendBody(shaped.body, entry, response, injected);
  }

  async #sendBody(
    body: Uint8Array,
    entry: JournalEntry,
    response: ServerResponse,
    injected: InjectedFault | undefined,
  ): Promise<void> {
    const { cutAfter, stallAfter, bytesPerSecond } = injected?.fault ?? {};
    const sink = { entry, response, bytesPerSecond };
    if (stallAfter !== undefined && injected) {
      await writeSlices(sink, body, 0, Math.min(stallAfter, body.length));
      injected.markReached();
      await injected.released;
    }
    await writeSlices(sink, body, Math.min(stallAfter ?? 0, body.length), cutAfter ?? body.length);
    if (cutAfter === undefined) response.end();
    else response.destroy();
  }
}

interface BodySink {
  entry: JournalEntry;
  response: ServerResponse;
  bytesPerSecond: number | undefined;
}

async function writeSlices(
  { entry, response, bytesPerSecond }: BodySink,
  body: Uint8Array,
  start: number,
  end: number,
): Promise<void> {
  const sliceLength = bytesPerSecond === undefined ? 65_536 : Math.ceil(bytesPerSecond / 20);
  response.flushHeaders();
  for (let position = start; position < end && !response.destroyed; position += sliceLength) {
    const slice = body.subarray(position, Math.min(end, position + sliceLength));
    await write(response, slice);
    entry.bytesSent += slice.length;
    if (bytesPerSecond !== undefined) await delay(50);
  }
}

function shapeAnswer(
  answer: Answer,
  entry: JournalEntry,
  injected: InjectedFault | undefined,
): Answer {
  const fault = injected?.fault ?? {};
  let { status, headers, body } = answer;
  if (fault.body !== undefined) body = Buffer.from(fault.body);
  if (fault.flipByteAt !== undefined) body = flipByte(body, fault.flipByteAt);
  if (answer.ranged && !fault.ignoreRange) {
    ({ status, headers, body } = applyRange(answer, body, entry.headers.range));
  }
  if (fault.gzip) {
    headers = { ...headers, "content-encoding": "gzip" };
    body = gzipSync(body);
  }
  if (fault.truncateTo !== undefined) body = body.subarray(0, fault.truncateTo);
  const length = fault.chunked ? {} : { "content-length": body.length };
  return { status, body, headers: dropUndefined({ ...headers, ...length, ...fault.headers }) };
}

function applyRange(answer: Answer, body: Uint8Array, range: string | undefined): Answer {
  const selection = selectRanges(range, body.length);
  if (selection.kind === "whole") return { ...answer, body };
  const [first] = selection.kind === "ranges" ? selection.ranges : [];
  if (!first) {
    return errorAnswer(416, "RANGE_INVALID", { "content-range": `bytes */${body.length}` });
  }
  const contentRange = `bytes ${first.start}-${first.end - 1}/${body.length}`;
  return {
    status: 206,
    headers: { ...answer.headers, "content-range": contentRange },
    body: body.subarray(first.start, first.end),
  };
}

function flipByte(body: Uint8Array, position: number): Uint8Array {
  const copy = Buffer.from(body);
  copy[position] = (copy[position] ?? 0) ^ 0xff;
  return copy;
}

function dropUndefined(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

/** Resolves when the chunk is on its way or the connection is gone. */
function write(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("close", done);
      resolve();
    };
    response.on("close", done);
    response.write(chunk, done);
  });
}
