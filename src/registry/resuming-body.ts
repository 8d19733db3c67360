import type { Clock } from "../clock.ts";
import { UpstreamError, type RemoteBlob, type TakeChunk } from "../upstream/upstream.ts";
import type { BlobSource } from "./blob-source.ts";

/** Tries without a new byte before a body is given up, with pauses of 20 s in all. */
const maxFruitlessTries = 8;
const firstPauseMs = 200;
const maxPauseMs = 4000;

export interface ResumingBodyOptions {
  source: BlobSource;
  start: number;
  /** Of the whole blob; undefined: upstream sends no length, so that its clean end is believed. */
  size: number | undefined;
  /** Asked again and again: nothing from here on is wanted. */
  limit: () => number;
  /** A body already opened at `start`. */
  first?: RemoteBlob | undefined;
  signal: AbortSignal;
  clock: Clock;
  /** Before it is given up: 8 unless given. */
  fruitlessTries?: number | undefined;
  /** Hears of every body opened; what it throws ends the reading. */
  onOpened?: (remote: RemoteBlob, position: number) => void;
}

/**
 * Hands the blob's bytes from `start` to the limit to `take`, in order and without a gap, however
 * often upstream breaks off, stalls or ignores the range: each time it is asked again from the first
 * missing byte on. At once where an endpoint fails for the first time, as another one may go on.
 * Throws UpstreamError when that does not get on, or what `take` throws.
 */
export async function readResuming(options: ResumingBodyOptions, take: TakeChunk): Promise<void> {
  const { signal, clock, limit, fruitlessTries = maxFruitlessTries } = options;
  let position = options.start;
  let failures = 0;
  let remote = options.first;
  const failed = new Set<string>();
  const takeNext: TakeChunk = (chunk) => {
    position += chunk.length;
    failures = 0;
    return take(chunk);
  };
  while (position < limit()) {
    try {
      remote ??= await openAt(options, position);
      await readFrom(remote, position, options, takeNext);
      if (options.size === undefined) return;
      if (position < limit()) throw new UpstreamError("unreachable", "body ended early");
    } catch (error) {
      failures += 1;
      const isFinal = !(error instanceof UpstreamError) || failures > fruitlessTries;
      if (isFinal || signal.aborted) throw error;
      const isPauseDue = !isFirstFailure(remote, failed);
      if (isPauseDue) await clock.sleep(pauseMs(failures), signal);
    }
    remote = undefined;
  }
}

/** Of the endpoint that sent last; `failed` has those that failed before. */
function isFirstFailure(remote: RemoteBlob | undefined, failed: Set<string>): boolean {
  const sender = remote?.endpoints.at(-1);
  if (sender === undefined || failed.has(sender)) return false;
  failed.add(sender);
  return true;
}

function pauseMs(failures: number): number {
  return Math.min(firstPauseMs * 2 ** (failures - 1), maxPauseMs);
}

/** What one body brings of the wanted bytes; one that goes on behind them is closed. */
async function readFrom(
  remote: RemoteBlob,
  start: number,
  { limit, onOpened }: ResumingBodyOptions,
  take: TakeChunk,
): Promise<void> {
  let offset = remote.offset;
  let position = start;
  const takeWanted: TakeChunk = (chunk) => {
    const wanted = part(chunk, position - offset, limit() - offset);
    offset += chunk.length;
    position += wanted.length;
    const room = wanted.length > 0 ? take(wanted) : undefined;
    if (position >= limit() && remote.end !== position) remote.close();
    return room;
  };
  try {
    onOpened?.(remote, start);
    await remote.readTo(takeWanted);
  } catch (error) {
    if (!(error instanceof UpstreamError) || position < limit()) throw error;
  } finally {
    remote.close();
  }
}

/** The chunk itself where all of it is wanted. */
function part(chunk: Uint8Array, start: number, end: number): Uint8Array {
  if (start <= 0 && end >= chunk.length) return chunk;
  return chunk.subarray(Math.min(start, chunk.length), Math.max(0, Math.min(end, chunk.length)));
}

async function openAt(options: ResumingBodyOptions, position: number): Promise<RemoteBlob> {
  const limit = options.limit();
  // The blob may end here, unknown to us, and from its end on upstream has nothing to send.
  const start = options.size === undefined ? Math.max(0, position - 1) : position;
  const end = limit < (options.size ?? Infinity) ? limit : undefined;
  const remote = await options.source.open({ start, end }, options.signal);
  if (!remote) throw new UpstreamError("invalid", "upstream no longer has the blob");
  if (options.size !== undefined && (remote.size ?? options.size) !== options.size) {
    remote.close();
    // Who of them is right, the digest will tell; until then the one asked first is believed.
    options.source.distrust(remote.endpoints);
    throw new UpstreamError("invalid", `blob has ${remote.size} bytes now, not ${options.size}`);
  }
  return remote;
}
