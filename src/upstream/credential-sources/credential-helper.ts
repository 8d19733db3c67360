import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import { sameCredentials, type Credentials } from "../credentials.ts";
import { askCredentialHelper, type HelperProcessOptions } from "./credential-helper-process.ts";

export interface CredentialHelperOptions extends HelperProcessOptions {
  clock: Clock;
  log: Logger;
}

/** Helpers do not say how long it is good for; those of clouds give what lives for 12 hours. */
const longestUseMs = 12 * 60 * 60 * 1000;

/** Also of what was known before the helper failed. */
const shortUseMs = 5 * 60 * 1000;

/** A thousand clients are no reason to start it a thousand times. */
const failureMs = 10_000;

type Answer = { credentials: Credentials | undefined } | { error: unknown };

/** What one credential helper says of one registry; it runs once however many wait. */
export class CredentialHelper {
  readonly #options: CredentialHelperOptions;
  #kept: { answer: Answer; until: number } | undefined;
  #good: Credentials | undefined;
  #run: Promise<Answer> | undefined;

  constructor(options: CredentialHelperOptions) {
    this.#options = options;
  }

  /** undefined: it knows none. Throws UpstreamError "credentials" when it fails and never did not. */
  async get(): Promise<Credentials | undefined> {
    const answer = this.#findKept() ?? (await this.#askOnce());
    if ("error" in answer) throw answer.error;
    return answer.credentials;
  }

  /** Nothing happens where others have come since. */
  refuse(credentials: Credentials): void {
    if (!sameCredentials(this.#good, credentials)) return;
    this.#good = undefined;
    this.#kept = undefined;
  }

  #findKept(): Answer | undefined {
    const isGood = this.#kept && this.#options.clock.monotonic() < this.#kept.until;
    return isGood ? this.#kept?.answer : undefined;
  }

  async #askOnce(): Promise<Answer> {
    this.#run ??= this.#ask().finally(() => {
      this.#run = undefined;
    });
    return this.#run;
  }

  async #ask(): Promise<Answer> {
    try {
      const credentials = await askCredentialHelper(this.#options);
      this.#good = credentials;
      return this.#keep({ credentials }, credentials ? longestUseMs : shortUseMs);
    } catch (error) {
      if (!this.#good) return this.#keep({ error }, failureMs);
      this.#options.log.warn({ err: error }, "a credential helper failed; the last ones are used");
      return this.#keep({ credentials: this.#good }, shortUseMs);
    }
  }

  #keep(answer: Answer, durationMs: number): Answer {
    this.#kept = { answer, until: this.#options.clock.monotonic() + durationMs };
    return answer;
  }
}
