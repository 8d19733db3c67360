import { createHmac } from "node:crypto";
import { errorAnswer, type Answer } from "./fake-registry-answer.ts";
import type { JournalEntry } from "./fake-registry-journal.ts";

/** Signs blob URLs and checks them, the way object stores behind registries do. */
export class FakeCdn {
  readonly #lifeMs: number;
  #generation = 0;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  sign(origin: string, repository: string, digest: string): string {
    const path = `/cdn/${repository}/${digest}`;
    const expires = String(Date.now() + this.#lifeMs);
    const query = new URLSearchParams({ expires, signature: this.#signature(path, expires) });
    return `${origin}${path}?${query.toString()}`;
  }

  /** undefined: the request may pass. Object stores refuse a second kind of authorization with 400. */
  refuse(entry: JournalEntry): Answer | undefined {
    if (entry.headers.authorization !== undefined) return errorAnswer(400, "INVALID_REQUEST");
    const { pathname, searchParams } = new URL(entry.url, "http://fake");
    const expires = searchParams.get("expires") ?? "0";
    const isSigned = searchParams.get("signature") === this.#signature(pathname, expires);
    return isSigned && Number(expires) > Date.now() ? undefined : errorAnswer(403, "DENIED");
  }

  expireUrls(): void {
    this.#generation += 1;
  }

  #signature(path: string, expires: string): string {
    return createHmac("sha256", `key ${this.#generation}`)
      .update(path + expires)
      .digest("hex");
  }
}
