import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Credentials, CredentialSource } from "../credentials.ts";
import { UpstreamError } from "../upstream.ts";
import { WatchedFile } from "./watched-file.ts";

export interface PasswordSourceOptions {
  username: string;
  /** In a file: all of it but a line feed at its end. */
  password: { text: string } | { file: string };
  clock: Clock;
  log: Logger;
}

/** A user name and a password, as somebody wrote them down. */
export class PasswordSource implements CredentialSource {
  readonly name: string;
  readonly #password: { text: string } | WatchedFile<string>;

  constructor({ username, password, clock, log }: PasswordSourceOptions) {
    this.name = username;
    this.#password =
      "text" in password
        ? password
        : new WatchedFile({ path: password.file, parse: parsePassword, clock, log });
  }

  async get(): Promise<Credentials> {
    const password =
      this.#password instanceof WatchedFile ? await this.#password.get() : this.#password.text;
    return { kind: "password", username: this.name, password };
  }

  refuse(): void {
    if (this.#password instanceof WatchedFile) this.#password.recheck();
  }
}

function parsePassword(text: string): string {
  const password = text.replace(/\r?\n$/, "");
  if (password !== "") return password;
  throw new UpstreamError("credentials", "is empty");
}
