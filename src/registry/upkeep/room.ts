import type { Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import { StorageError, type BlobStore, type Space } from "../../store/blob/blob-store.ts";
import { MetadataError } from "../../store/metadata/metadata-error.ts";
import type { Departures } from "../departures.ts";
import type { Evictor } from "./evictor.ts";
import type { Remover } from "./remover.ts";
import { highMarkBytes, keepsFree, minFreeBytes, type StorageLimits } from "./storage-limits.ts";
import type { Shortage } from "./space-pass.ts";
import type { Incoming, SpaceTally } from "./space-tally.ts";

/** Within the limits there is none for a blob of that size; it can be passed through. */
export class NoRoomError extends StorageError {
  readonly size: number;

  constructor(size: number, message: string, options?: ErrorOptions) {
    super("full", message, options);
    this.size = size;
  }
}

/** The room that one download takes in the storage. */
export interface Place {
  /** Throws NoRoomError where not even an empty storage would take so many bytes. */
  check(size: number): void;
  /**
   * Keeps room for so many bytes in all, and evicts for it where there is none. Throws NoRoomError.
   */
  admit(size: number): Promise<void>;
  /** Its blob is in place and recorded. */
  store(size: number): void;
  /** The download is over: its blob is in place, or so many bytes of it stay for another one. */
  leave(end: { stored: number } | { partial: number }): void;
}

/** Who lets downloads in. */
export interface DownloadRoom {
  /** From now on its bytes count, and nobody takes them away. */
  enter(digest: Digest, received: () => number): Place;
  /** The disk took no more: evicts about so many bytes. Says whether any have gone. */
  relieve(bytes: number): Promise<boolean>;
}

interface RoomOptions {
  blobs: BlobStore;
  tally: SpaceTally;
  departures: Departures;
  evictor: Pick<Evictor, "couldMakeRoom" | "makeRoom" | "wake">;
  remover: Remover;
  limits: StorageLimits;
  clock: Clock;
}

/** Clients wait while room is made; later they had better be served straight from upstream. */
const patienceMs = 10_000;

/** Keeps the storage within its limits as downloads begin. */
export class Room implements DownloadRoom {
  readonly #options: RoomOptions;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  enter(digest: Digest, received: () => number): Place {
    const { tally } = this.#options;
    const incoming = tally.enter(digest, received);
    return {
      check: (size) => this.#check(size),
      admit: (size) => this.#admit(incoming, size),
      store: (size) => tally.store(incoming, size),
      leave: (end) => this.#leave(incoming, end),
    };
  }

  async relieve(bytes: number): Promise<boolean> {
    const { evictor, remover } = this.#options;
    const before = remover.bytesRemoved;
    const shortage = () => bytes - (remover.bytesRemoved - before);
    try {
      if (!(await this.#couldHold(bytes))) return false;
      await evictor.makeRoom({ reason: "the disk is full", shortage });
    } catch (error) {
      if (!isStorageTrouble(error)) throw error;
    }
    return remover.bytesRemoved > before;
  }

  /** Whether the disk could take so many bytes if nothing else of ours were on it. */
  async #couldHold(bytes: number): Promise<boolean> {
    const { blobs, tally } = this.#options;
    const { free } = await blobs.measureSpace();
    return bytes <= free + tally.bytes - tally.unwrittenBytes;
  }

  #leave(incoming: Incoming, end: { stored: number } | { partial: number }): void {
    const { tally, evictor, clock } = this.#options;
    const { digest } = incoming;
    if ("stored" in end) {
      tally.store(incoming, end.stored);
      tally.leave(incoming, undefined);
    } else {
      const left = { digest, bytes: end.partial, changedAt: clock.now(), isSound: true };
      tally.leave(incoming, end.partial > 0 ? { kind: "partial", ...left } : undefined);
    }
    evictor.wake();
  }

  /** One above the high mark would take all others along, and go itself as soon as it is there. */
  #check(size: number): void {
    const { limits } = this.#options;
    const most = Math.floor(highMarkBytes(limits));
    if (size <= most) return;
    throw new NoRoomError(
      size,
      `it has ${size} bytes; storage.maxSize is ${limits.maxBytes} for all, of which one blob may take ${most}`,
    );
  }

  /** One at a time: two that cannot both be let in must not keep each other out. */
  async #admit(incoming: Incoming, size: number): Promise<void> {
    const { limits, clock } = this.#options;
    this.#check(size);
    if (size <= (incoming.reserved ?? -1)) return;
    if (limits.maxBytes === Infinity && !keepsFree(limits)) {
      incoming.reserved = size;
      return;
    }
    const until = clock.monotonic() + patienceMs;
    const turn = this.#lastTurn.then(() => this.#reserve(incoming, size, until));
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  async #reserve(incoming: Incoming, size: number, until: number): Promise<void> {
    const { reserved } = incoming;
    incoming.reserved = size;
    try {
      await this.#makeRoom(size, until);
    } catch (error) {
      incoming.reserved = reserved;
      if (error instanceof NoRoomError || !isStorageTrouble(error)) throw error;
      throw new NoRoomError(size, `room cannot be made for its ${size} bytes`, { cause: error });
    }
  }

  async #makeRoom(size: number, until: number): Promise<void> {
    const { tally, departures, evictor, remover } = this.#options;
    await tally.measuredOnce();
    await tally.measureBlobs();
    this.#checkBesideOthers(size);
    const space = await this.#measureDisk();
    const shortageOf = (each: Remover) => this.#shortageOn(space, each);
    const shortage = shortageOf(remover);
    if (shortage(remover) > 0) {
      const isInVain = !(await evictor.couldMakeRoom({ shortageOf, until }));
      if (isInVain) throw new NoRoomError(size, this.#explain(size, space));
      await evictor.makeRoom({ reason: "a download needs room", shortage, until });
    }
    // Others may have evicted for the same, and be about to delete.
    await departures.allSettled();
    if (shortage(remover) > 0) throw new NoRoomError(size, this.#explain(size, space));
  }

  /** What is on its way stays, and where it leaves no room nothing needs to go in vain. */
  #checkBesideOthers(size: number): void {
    const { tally, limits } = this.#options;
    const { incomingBytes } = tally;
    if (incomingBytes <= limits.maxBytes) return;
    throw new NoRoomError(
      size,
      `there is no room for its ${size} bytes beside other downloads, which take ${incomingBytes - size} of ${limits.maxBytes} bytes`,
    );
  }

  /**
   * By what is removed from now on, not by what the disk tells then: a file that a reader has open
   * gives its bytes back later, and nothing more must go for that.
   */
  #shortageOn(space: Space | undefined, remover: Remover): Shortage {
    const { tally, limits } = this.#options;
    const before = remover.bytesRemoved;
    const mustStay = space ? minFreeBytes(limits, space) - space.free : -Infinity;
    return ({ bytesLeft, bytesRemoved }) =>
      Math.max(
        bytesLeft - limits.maxBytes,
        mustStay + tally.unwrittenBytes - (bytesRemoved - before),
      );
  }

  async #measureDisk(): Promise<Space | undefined> {
    const { blobs, limits } = this.#options;
    return keepsFree(limits) ? blobs.measureSpace() : undefined;
  }

  #explain(size: number, space: Space | undefined): string {
    const { tally, limits } = this.#options;
    const limit = limits.maxBytes === Infinity ? "" : ` of ${limits.maxBytes}`;
    const free = space ? `, ${space.free} bytes are free on the disk` : "";
    return `there is no room for its ${size} bytes, even with all evicted that may go: the storage holds ${tally.bytesLeft - size}${limit} bytes${free}`;
  }
}

function isStorageTrouble(error: unknown): boolean {
  return error instanceof StorageError || error instanceof MetadataError;
}
