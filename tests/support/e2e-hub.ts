import type { IncomingMessage, ServerResponse } from "node:http";
import { DockerRegistry } from "./e2e-docker-registry.ts";
import { Origin } from "./e2e-origin.ts";
import { errorAnswer, jsonAnswer, type Answer } from "./fake-registry-answer.ts";
import { FakeAuth } from "./fake-registry-auth.ts";
import { FakeCdn } from "./fake-registry-cdn.ts";
import {
  describeRequest,
  Journal,
  type FakeServer,
  type JournalEntry,
} from "./fake-registry-journal.ts";
import { LoopbackServer } from "./loopback-server.ts";

const URL_LIFE_MS = 600_000;

export interface HubOptions {
  /** Who may pull, by user name and password: everybody unless given. */
  users?: Record<string, string>;
}

/**
 * What Docker Hub looks like from outside, in front of a real registry: nothing without a token
 * from the token server, manifests from the registry itself, blobs by a redirect to a CDN that
 * wants a signed query and refuses `Authorization`.
 */
export class Hub implements AsyncDisposable {
  readonly journal = new Journal();
  /** Where content is pushed to: the registry behind, which asks nobody for a token. */
  readonly pushUrl: string;
  readonly #registry: DockerRegistry;
  readonly #origin: Origin;
  readonly #auth: FakeAuth;
  readonly #users: Record<string, string>;
  readonly #denied = new Set<string>();
  readonly #cdn = new FakeCdn(URL_LIFE_MS);
  readonly #servers: Record<FakeServer, LoopbackServer>;

  private constructor(registry: DockerRegistry, { users }: HubOptions) {
    this.#registry = registry;
    this.#users = { ...users };
    this.#auth = new FakeAuth({ users: this.#users, anonymous: users === undefined });
    this.pushUrl = registry.url;
    this.#origin = new Origin(registry.url, this.journal);
    this.#servers = {
      registry: this.#serve("registry"),
      token: this.#serve("token"),
      cdn: this.#serve("cdn"),
    };
  }

  static async start(directory: string, options: HubOptions = {}): Promise<Hub> {
    const hub = new Hub(await DockerRegistry.start(directory), options);
    await hub.comeBack();
    return hub;
  }

  /** A mirror's endpoint for it. */
  get url(): string {
    return this.#servers.registry.url;
  }

  async goAway(): Promise<void> {
    await Promise.all(Object.values(this.#servers).map((server) => server.stop()));
  }

  async comeBack(): Promise<void> {
    await Promise.all(Object.values(this.#servers).map((server) => server.start()));
  }

  /** The one before and the tokens it was good for are refused from now on. */
  changePassword(user: string, password: string): void {
    this.#users[user] = password;
    this.#auth.revokeTokens();
  }

  /** From now on nobody may read this repository, whatever it holds. */
  deny(repository: string): void {
    this.#denied.add(repository);
  }

  /** From now on, every body stops short of so many bytes, until `release`. */
  holdAfter(bytes: number): void {
    this.#origin.holdAfter(bytes);
  }

  /** From now on, every body comes so slowly, until `release`. */
  slowDownTo(bytesPerSecond: number): void {
    this.#origin.slowDownTo(bytesPerSecond);
  }

  release(): void {
    this.#origin.release();
  }

  /** Requests that an upstream might charge for, in order: those without a token are left out. */
  get requests(): string[] {
    return this.journal.summary(
      ({ kind, status }) => kind !== "token" && kind !== "ping" && status !== 401,
    );
  }

  /** Bytes of one blob sent so far, over all downloads of it. */
  bytesOf(digest: string): number {
    return this.journal.bytesSent({ server: "cdn", method: "GET", reference: digest });
  }

  downloadsOf(digest: string): number {
    return this.journal.count({ server: "cdn", method: "GET", reference: digest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.goAway();
    await this.#registry[Symbol.asyncDispose]();
  }

  #serve(server: FakeServer): LoopbackServer {
    return new LoopbackServer((req, res) => {
      const entry = describeRequest(server, req, true);
      this.journal.add(entry);
      res.on("close", () => {
        entry.ended = true;
        this.journal.changed();
      });
      // A client that leaves, and a registry that does not answer, both end in a broken connection.
      this.#handle(entry, req, res).catch(() => res.destroy());
    });
  }

  async #handle(entry: JournalEntry, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const answer = this.#refuse(entry) ?? this.#answer(entry);
    if (!answer) return this.#origin.forward(originPath(entry), req, res, entry);
    entry.status = answer.status;
    res.writeHead(answer.status, answer.headers).end(answer.body);
    this.journal.changed();
  }

  #refuse(entry: JournalEntry): Answer | undefined {
    if (entry.server === "cdn") return this.#cdn.refuse(entry);
    if (entry.server === "token") return undefined;
    const refusal = this.#auth.refuse(entry, `${this.#servers.token.url}/token`);
    if (refusal || !this.#denied.has(entry.repository ?? "")) return refusal;
    return errorAnswer(403, "DENIED");
  }

  /** undefined: only the registry behind can answer that. */
  #answer(entry: JournalEntry): Answer | undefined {
    const { kind, repository = "", reference = "" } = entry;
    if (kind === "token") return this.#auth.answerToken(entry);
    if (kind === "ping") return jsonAnswer({});
    if (kind !== "redirect") return undefined;
    const location = this.#cdn.sign(this.#servers.cdn.url, repository, reference);
    return { status: 307, headers: { location }, body: Buffer.alloc(0) };
  }
}

function originPath({ server, url, repository = "", reference = "" }: JournalEntry): string {
  return server === "cdn" ? `/v2/${repository}/blobs/${reference}` : url;
}
