import { randomUUID } from "node:crypto";
import { errorAnswer, jsonAnswer, type Answer } from "./fake-registry-answer.ts";
import type { JournalEntry } from "./fake-registry-journal.ts";

export interface FakeAuthOptions {
  /** "bearer" unless given. */
  scheme?: "bearer" | "basic";
  /** Tokens for those without credentials: given unless false. */
  anonymous?: boolean;
  /** Who may log in: user name → password. */
  users?: Record<string, string>;
  /** 300 s unless given. */
  tokenLifeMs?: number;
  /** The host name the challenge's realm is written with: 127.0.0.1 unless given. */
  realmHost?: string;
  /** Change the token server's answer, for example to leave out `expires_in`. */
  tokenBody?: (token: string) => unknown;
}

/** Who may pull from the fake registry, and the token server that says so. */
export class FakeAuth {
  readonly #options: FakeAuthOptions;
  readonly #tokens = new Map<string, { scopes: string[]; expiresAt: number }>();

  constructor(options: FakeAuthOptions) {
    this.#options = options;
  }

  /** undefined: the request may pass. */
  refuse(entry: JournalEntry, realm: string): Answer | undefined {
    const isAllowed =
      this.#options.scheme === "basic"
        ? this.#isUser(entry.headers.authorization)
        : this.#hasToken(entry);
    return isAllowed ? undefined : this.challenge(entry, realm);
  }

  challenge(entry: JournalEntry, realm: string): Answer {
    const scope = entry.repository ? `,scope="repository:${entry.repository}:pull"` : "";
    const header =
      this.#options.scheme === "basic"
        ? 'Basic realm="fake registry"'
        : `Bearer realm="${realm}",service="fake.registry"${scope}`;
    return errorAnswer(401, "UNAUTHORIZED", { "www-authenticate": header });
  }

  answerToken(entry: JournalEntry): Answer {
    const { authorization } = entry.headers;
    const isAllowed = authorization
      ? this.#isUser(authorization)
      : (this.#options.anonymous ?? true);
    if (!isAllowed) return errorAnswer(401, "UNAUTHORIZED");
    const lifeMs = this.#options.tokenLifeMs ?? 300_000;
    const token = randomUUID();
    const asked = new URL(entry.url, "http://fake").searchParams.getAll("scope");
    const scopes = asked.flatMap((scope) => scope.split(" "));
    this.#tokens.set(token, { scopes, expiresAt: Date.now() + lifeMs });
    const body = this.#options.tokenBody?.(token) ?? { token, expires_in: lifeMs / 1000 };
    return jsonAnswer(body);
  }

  revokeTokens(): void {
    this.#tokens.clear();
  }

  #hasToken({ headers, repository, kind }: JournalEntry): boolean {
    const token = this.#tokens.get(headers.authorization?.replace(/^Bearer /, "") ?? "");
    if (!token || token.expiresAt <= Date.now()) return false;
    return kind === "ping" || token.scopes.includes(`repository:${repository}:pull`);
  }

  #isUser(authorization: string | undefined): boolean {
    const encoded = /^Basic (.+)$/.exec(authorization ?? "")?.[1];
    if (encoded === undefined) return false;
    const [user = "", ...password] = Buffer.from(encoded, "base64").toString().split(":");
    return this.#options.users?.[user] === password.join(":");
  }
}
