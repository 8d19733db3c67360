import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Credentials, CredentialSource } from "../credentials.ts";
import { UpstreamError } from "../upstream.ts";
import { isPlainToken } from "../json-object.ts";
import { WatchedFile } from "./watched-file.ts";

export interface TokenFileSourceOptions {
  path: string;
  clock: Clock;
  log: Logger;
}

/** A token for the registry itself, which somebody else renews in a file. */
export class TokenFileSource implements CredentialSource {
  readonly name = "token file";
  readonly #file: WatchedFile<string>;

  constructor(options: TokenFileSourceOptions) {
    this.#file = new WatchedFile({ ...options, parse: parseToken });
  }

  async get(): Promise<Credentials> {
    return { kind: "bearer", token: await this.#file.get() };
  }

  refuse(): void {
    this.#file.recheck();
  }
}

function parseToken(text: string): string {
  const token = text.trim();
  if (isPlainToken(token)) return token;
  const reason = token === "" ? "is empty" : "holds no token: one line of ASCII without spaces";
  throw new UpstreamError("credentials", reason);
}
