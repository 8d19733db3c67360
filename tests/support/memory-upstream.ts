import type { Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { formatReference, type Reference } from "../../src/oci/reference.ts";
import type { Referrer } from "../../src/oci/referrer.ts";
import type { RepositoryName } from "../../src/oci/repository-name.ts";
import type {
  Budget,
  ManifestHead,
  Upstream,
  UpstreamError,
  UpstreamStatus,
} from "../../src/upstream/upstream.ts";

/** Manifests and referrers of an upstream that answers, fails and dawdles as a test wants. */
export class MemoryUpstream implements Upstream {
  readonly host = "docker.io";
  readonly isLetIn = false;
  readonly parallelRanges = { connectionsPerBlob: 1, parallelFromBytes: Infinity };
  readonly hasSpareConnection = false;
  budget: Budget | undefined;
  /** `headManifest library/app latest`, one a call, in order. */
  readonly calls: string[] = [];
  /** Thrown by every method. */
  failure: UpstreamError | undefined;
  /** Delays every answer. */
  beforeAnswer: () => Promise<void> = () => Promise.resolve();
  hasReferrersApi = true;
  readonly #manifests = new Map<string, Manifest>();
  readonly #referrers = new Map<string, Referrer[]>();

  addManifest(name: string, manifest: Manifest, tag?: string): void {
    this.#manifests.set(`${name} ${manifest.digest}`, manifest);
    if (tag !== undefined) this.#manifests.set(`${name} ${tag}`, manifest);
  }

  deleteTag(name: string, tag: string): void {
    this.#manifests.delete(`${name} ${tag}`);
  }

  /** Its repositories are those that have any. */
  setReferrers(name: string, subject: Digest, referrers: Referrer[]): void {
    this.#referrers.set(name, []).set(`${name} ${subject}`, referrers);
  }

  async headManifest(name: RepositoryName, asked: Reference): Promise<ManifestHead | undefined> {
    const reference = formatReference(asked);
    await this.#enter("headManifest", name, reference);
    const manifest = this.#manifests.get(`${name} ${reference}`);
    return manifest && { digest: manifest.digest, manifest: undefined };
  }

  async getManifest(name: RepositoryName, asked: Reference): Promise<Manifest | undefined> {
    const reference = formatReference(asked);
    await this.#enter("getManifest", name, reference);
    return this.#manifests.get(`${name} ${reference}`);
  }

  async listReferrers(name: RepositoryName, subject: Digest): Promise<Referrer[] | undefined> {
    await this.#enter("listReferrers", name, subject);
    if (!this.hasReferrersApi || !this.#referrers.has(name)) return undefined;
    return this.#referrers.get(`${name} ${subject}`) ?? [];
  }

  /** It has no blobs. */
  async headBlob(name: RepositoryName, digest: Digest): Promise<undefined> {
    await this.#enter("headBlob", name, digest);
  }

  async openBlob(name: RepositoryName, digest: Digest): Promise<undefined> {
    await this.#enter("openBlob", name, digest);
  }

  async listTags(name: RepositoryName): Promise<undefined> {
    await this.#enter("listTags", name, "");
  }

  distrust(): void {
    this.calls.push("distrust");
  }

  describe(): UpstreamStatus {
    return { host: this.host, strategy: "ordered", endpoints: [], accounts: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calls.push("dispose");
  }

  async #enter(method: string, name: RepositoryName, reference: string): Promise<void> {
    this.calls.push(`${method} ${name} ${reference}`);
    await this.beforeAnswer();
    if (this.failure) throw this.failure;
  }
}
