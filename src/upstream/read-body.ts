import type { Readable } from "node:stream";
import type { BodyPace } from "./body-pace.ts";
import type { TakeChunk } from "./upstream.ts";

/**
 * Hands a body's chunks on by a plain call each: promises and iterators for each of them cost as
 * much as all else between socket and disk. Resolves at the clean end with undefined, or with why
 * the body broke off; throws what `take` throws, and destroys the body then. Bytes that `take` has
 * no room for are left to the stream, up to its high-water mark, and then to the network.
 */
export async function readBody(
  body: Readable,
  take: TakeChunk,
  pace: BodyPace,
): Promise<{ error: unknown } | undefined> {
  const reading = new BodyReading(body, take, pace);
  try {
    const outcome = await reading.outcome;
    // What was taken over is not to be overtaken by what another body brings.
    await reading.room;
    return outcome;
  } finally {
    pace.endWait();
    body.off("data", reading.take);
  }
}

class BodyReading {
  readonly #body: Readable;
  readonly #take: TakeChunk;
  readonly #pace: BodyPace;
  /** What the last chunk waits for. */
  room: Promise<void> | undefined;
  readonly #outcome = Promise.withResolvers<{ error: unknown } | undefined>();

  constructor(body: Readable, take: TakeChunk, pace: BodyPace) {
    this.#body = body;
    this.#take = take;
    this.#pace = pace;
    const { resolve } = this.#outcome;
    // In this order: an error comes before the close that it causes.
    body.once("end", () => resolve(undefined));
    body.once("error", (error) => resolve({ error }));
    body.once("close", () => resolve({ error: new Error("closed") }));
    if (body.destroyed) resolve({ error: body.errored ?? new Error("closed") });
    pace.beginWait();
    body.on("data", this.take);
  }

  get outcome(): Promise<{ error: unknown } | undefined> {
    return this.#outcome.promise;
  }

  readonly take = (chunk: Uint8Array): void => {
    try {
      this.room = this.#take(chunk);
      if (this.room) this.#pauseUntil(this.room);
    } catch (error) {
      this.#fail(error);
    }
  };

  #pauseUntil(room: Promise<void>): void {
    this.#body.pause();
    this.#pace.endWait();
    const goOn = () => {
      this.#pace.beginWait();
      this.#body.resume();
    };
    room.then(goOn, (error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#outcome.reject(error);
    this.#body.destroy();
  }
}
