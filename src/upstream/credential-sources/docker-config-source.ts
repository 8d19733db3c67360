import { isDeepStrictEqual } from "node:util";
import type { Credentials, CredentialSource } from "../credentials.ts";
import { CredentialHelper, type CredentialHelperOptions } from "./credential-helper.ts";
import { parseDockerConfigLogin, type DockerConfigLogin } from "./docker-config-login.ts";
import { WatchedFile } from "./watched-file.ts";

export interface DockerConfigSourceOptions extends Omit<CredentialHelperOptions, "helper"> {
  /** A `config.json` as `docker login` writes it. */
  path: string;
  /** The registry's canonical host. */
  host: string;
}

/**
 * What a Docker `config.json` has for one registry: in it, or by the credential helper it names. A
 * helper comes first; where it has none, what is in the file counts.
 */
export class DockerConfigSource implements CredentialSource {
  readonly name = "Docker config";
  readonly #options: DockerConfigSourceOptions;
  readonly #file: WatchedFile<DockerConfigLogin>;
  #known: { login: DockerConfigLogin; helper: CredentialHelper | undefined } | undefined;

  constructor(options: DockerConfigSourceOptions) {
    const { host } = options;
    this.#options = options;
    this.#file = new WatchedFile({
      ...options,
      parse: (text) => parseDockerConfigLogin(text, host),
    });
  }

  async get(): Promise<Credentials | undefined> {
    const login = await this.#file.get();
    return (await this.#helperFor(login)?.get()) ?? login.stored;
  }

  refuse(credentials: Credentials): void {
    this.#file.recheck();
    this.#known?.helper?.refuse(credentials);
  }

  /** The same one, with what it remembers, as long as the file says the same of this registry. */
  #helperFor(login: DockerConfigLogin): CredentialHelper | undefined {
    if (this.#known && isDeepStrictEqual(this.#known.login, login)) return this.#known.helper;
    const helper = login.helper && new CredentialHelper({ ...this.#options, helper: login.helper });
    this.#known = { login, helper };
    return helper;
  }
}
