import type { IncomingMessage, ServerResponse } from "node:http";
import type { Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { AnswerSender, errorAnswer, jsonAnswer, type Answer } from "./fake-registry-answer.ts";
import { FakeAuth, type FakeAuthOptions } from "./fake-registry-auth.ts";
import { FakeCdn } from "./fake-registry-cdn.ts";
import { FakeContent } from "./fake-registry-content.ts";
import { InjectedFault, type Fault } from "./fake-registry-faults.ts";
import {
  describeRequest,
  Journal,
  type FakeServer,
  type JournalEntry,
  type RequestMatch,
} from "./fake-registry-journal.ts";
import type { TestBlob, TestImage, TestIndex } from "./images.ts";
import { LoopbackServer } from "./loopback-server.ts";

export interface FakeRegistryOptions {
  /** With it, pulls need a token from the token server (or Basic credentials). */
  auth?: FakeAuthOptions;
  /** With it, blobs are redirected to signed URLs at another port. */
  cdn?: { urlLifeMs?: number; host?: string };
  /** false: it has no referrers API, as distribution has none. */
  referrers?: false | { pageLength?: number };
}

/**
 * A registry on 127.0.0.1 that answers as the specification says, writes down what it is asked,
 * and fails on demand:
 *
 *     await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
 *     registry.addImage("library/app", "latest", makeImage());
 *     const stall = registry.inject({ kind: "blob" }, { stallAfter: 1000, times: 1 });
 *     …
 *     expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(1);
 */
export class FakeRegistry implements AsyncDisposable {
  readonly journal = new Journal();
  readonly #content = new FakeContent();
  readonly #sender = new AnswerSender(this.journal);
  readonly #faults: InjectedFault[] = [];
  readonly #options: FakeRegistryOptions;
  readonly #auth: FakeAuth | undefined;
  readonly #cdn: FakeCdn | undefined;
  readonly #servers: Record<FakeServer, LoopbackServer>;

  private constructor(options: FakeRegistryOptions) {
    this.#options = options;
    this.#auth = options.auth && new FakeAuth(options.auth);
    this.#cdn = options.cdn && new FakeCdn(options.cdn.urlLifeMs ?? 600_000);
    this.#servers = {
      registry: this.#serve("registry"),
      token: this.#serve("token"),
      cdn: this.#serve("cdn"),
    };
  }

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    await registry.restart();
    return registry;
  }

  /** http://127.0.0.1:port of the registry itself. */
  get url(): string {
    return this.#servers.registry.url;
  }

  get cdnUrl(): string {
    return this.#servers.cdn.url;
  }

  /** The token server's realm. */
  get tokenUrl(): string {
    const host = this.#options.auth?.realmHost ?? "127.0.0.1";
    return `http://${host}:${this.#servers.token.port}/token`;
  }

  /** The image, its config and layers; the tag moves there. */
  addImage(name: string, tag: string, image: TestImage): void {
    this.addBlob(name, image.config);
    for (const layer of image.layers) this.addBlob(name, layer);
    this.addManifest(name, image.manifest, tag);
  }

  addIndex(name: string, tag: string, index: TestIndex): void {
    for (const image of index.images) this.addImage(name, image.manifest.digest, image);
    this.addManifest(name, index.manifest, tag);
  }

  addManifest(name: string, manifest: Manifest, tag?: string): void {
    this.#content.repository(name).manifests.set(manifest.digest, manifest);
    if (tag !== undefined && tag !== manifest.digest) this.moveTag(name, tag, manifest.digest);
  }

  addBlob(name: string, blob: Pick<TestBlob, "digest" | "bytes">): void {
    this.#content.repository(name).blobs.set(blob.digest, blob.bytes);
  }

  deleteBlob(name: string, digest: Digest): void {
    this.#content.repository(name).blobs.delete(digest);
  }

  moveTag(name: string, tag: string, digest: Digest): void {
    this.#content.repository(name).tags.set(tag, digest);
  }

  deleteTag(name: string, tag: string): void {
    this.#content.repository(name).tags.delete(tag);
  }

  /** The newest fault that matches a request applies to it. */
  inject(match: RequestMatch, fault: Fault): InjectedFault {
    const injected = new InjectedFault(match, fault);
    this.#faults.unshift(injected);
    return injected;
  }

  /** Tokens given out so far are refused from now on. */
  revokeTokens(): void {
    this.#auth?.revokeTokens();
  }

  /** Signed URLs given out so far are refused from now on. */
  expireUrls(): void {
    this.#cdn?.expireUrls();
  }

  /** Cuts all connections and refuses new ones until `restart`. */
  async stop(...servers: FakeServer[]): Promise<void> {
    await Promise.all(this.#pick(servers).map((server) => server.stop()));
  }

  /** Listens again, on the same ports, with the same content. */
  async restart(...servers: FakeServer[]): Promise<void> {
    await Promise.all(this.#pick(servers).map((server) => server.start()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const injected of this.#faults) injected.remove();
    await this.stop();
  }

  #pick(servers: FakeServer[]): LoopbackServer[] {
    if (servers.length === 0) return Object.values(this.#servers);
    return servers.map((name) => this.#servers[name]);
  }

  #serve(server: FakeServer): LoopbackServer {
    return new LoopbackServer((request, response) => {
      void this.#handle(server, request, response);
    });
  }

  async #handle(
    server: FakeServer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const entry = describeRequest(server, request, this.#cdn !== undefined);
    response.on("close", () => {
      entry.ended = true;
      this.journal.changed();
    });
    this.journal.add(entry);
    const refusal = this.#refuse(entry);
    if (refusal) await this.#sender.send(refusal, entry, response, undefined);
    else await this.#answerWithFaults(entry, response);
  }

  async #answerWithFaults(entry: JournalEntry, response: ServerResponse): Promise<void> {
    const injected = this.#faults.find((candidate) => candidate.take(entry));
    const fault = injected?.fault ?? {};
    if (injected && fault.stallAfter === undefined) injected.markReached();
    if (fault.hold) await injected?.released;
    if (fault.disconnect) response.destroy();
    if (response.destroyed) return;
    const answer = fault.status ? this.#fail(entry, fault.status) : this.#answer(entry);
    await this.#sender.send(answer, entry, response, injected);
  }

  #refuse(entry: JournalEntry): Answer | undefined {
    if (entry.server === "registry") return this.#auth?.refuse(entry, this.tokenUrl);
    return entry.server === "cdn" ? this.#cdn?.refuse(entry) : undefined;
  }

  #answer(entry: JournalEntry): Answer {
    const { kind, repository = "", reference = "", url } = entry;
    if (kind === "manifest") return this.#content.answerManifest(repository, reference);
    if (kind === "blob") return this.#content.answerBlob(repository, reference);
    if (kind === "redirect") return this.#redirect(repository, reference);
    if (kind === "ping") return jsonAnswer({});
    if (kind === "token" && this.#auth) return this.#auth.answerToken(entry);
    if (kind === "referrers") return this.#answerReferrers(entry);
    if (kind !== "tags") return errorAnswer(404, "UNSUPPORTED");
    return this.#content.answerTags(repository, new URL(url, "http://fake").searchParams);
  }

  #answerReferrers({ repository = "", reference = "", url }: JournalEntry): Answer {
    const { referrers = {} } = this.#options;
    if (referrers === false) return errorAnswer(404, "UNSUPPORTED");
    const query = new URL(url, "http://fake").searchParams;
    const { pageLength } = referrers;
    return this.#content.answerReferrers(repository, reference, { query, pageLength });
  }

  #redirect(repository: string, digest: string): Answer {
    const answer = this.#content.answerBlob(repository, digest);
    if (answer.status !== 200 || !this.#cdn) return answer;
    const { port } = this.#servers.cdn;
    const origin = `http://${this.#options.cdn?.host ?? "127.0.0.1"}:${port}`;
    const location = this.#cdn.sign(origin, repository, digest);
    return { status: 307, headers: { location }, body: Buffer.alloc(0) };
  }

  #fail(entry: JournalEntry, status: number): Answer {
    if (status === 401 && this.#auth) return this.#auth.challenge(entry, this.tokenUrl);
    return errorAnswer(status, status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN");
  }
}
