import { digestOf, type Digest } from "../../src/oci/digest.ts";
import { RegistryError } from "../../src/oci/errors.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { formatReference, type Reference } from "../../src/oci/reference.ts";
import type { Referrer } from "../../src/oci/referrer.ts";
import { filterByArtifactType } from "../../src/oci/referrers.ts";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import type {
  BlobAnswer,
  BlobReader,
  BlobStat,
  CacheStatus,
  ManifestAnswer,
  ReferrersAnswer,
  Repository,
  TagListAnswer,
} from "../../src/registry/repository.ts";

/** Where every answer comes from, so they say. */
interface Provenance {
  cache: CacheStatus;
  warning?: string;
  ageMs?: number;
}

/** A repository for given content, with readers that wait, fail and dawdle as a test wants. */
export class MemoryRepository implements Repository {
  key = qualifyName("docker.io", parseRepositoryName("library/app"));
  /** Names of the methods called, in order. */
  readonly calls: string[] = [];
  /** Readers that were opened and not disposed of. */
  openReaders = 0;
  provenance: Provenance = { cache: "HIT" };
  /** Whether manifests are at hand. */
  recallsManifests = false;
  /** Thrown by every method. */
  failure: Error | undefined;
  /** Runs before each read: its promise delays the read, its rejection fails it. */
  beforeRead: (position: number) => Promise<void> = () => Promise.resolve();
  tagList: Pick<TagListAnswer, "tags" | "next"> = { tags: [], next: undefined };
  /** Of the last `listTags`. */
  tagQuery: URLSearchParams | undefined;
  readonly #manifests = new Map<string, Manifest>();
  readonly #referrers = new Map<Digest, Referrer[]>();
  readonly #blobs = new Map<Digest, Uint8Array>();

  addManifest(tag: string, mediaType: string, content: string): Manifest {
    const bytes = Buffer.from(content);
    const manifest = { digest: digestOf(bytes), mediaType, bytes };
    this.#manifests.set(tag, manifest).set(manifest.digest, manifest);
    return manifest;
  }

  addReferrer(subject: Digest, referrer: Referrer): void {
    this.#referrers.set(subject, [...(this.#referrers.get(subject) ?? []), referrer]);
  }

  addBlob(bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return digest;
  }

  async getManifest(reference: Reference): Promise<ManifestAnswer> {
    this.#enter("getManifest");
    const manifest = this.#manifests.get(formatReference(reference));
    if (!manifest) throw new RegistryError("MANIFEST_UNKNOWN", "manifest unknown");
    return { ...this.provenance, manifest };
  }

  recallManifest(reference: Reference): ManifestAnswer | undefined {
    const manifest = this.#manifests.get(formatReference(reference));
    if (!this.recallsManifests || !manifest) return undefined;
    this.calls.push("recallManifest");
    return { cache: "HIT", manifest };
  }

  async statBlob(digest: Digest): Promise<BlobStat> {
    this.#enter("statBlob");
    return { ...this.provenance, size: this.#getBlob(digest).length };
  }

  async openBlob(digest: Digest): Promise<BlobAnswer> {
    this.#enter("openBlob");
    const reader = new MemoryReader(this.#getBlob(digest), this.beforeRead, () => {
      this.openReaders -= 1;
    });
    this.openReaders += 1;
    return { ...this.provenance, reader };
  }

  async listTags(query: URLSearchParams): Promise<TagListAnswer> {
    this.#enter("listTags");
    this.tagQuery = query;
    return { ...this.provenance, ...this.tagList };
  }

  async listReferrers(subject: Digest, artifactType: string | undefined): Promise<ReferrersAnswer> {
    this.#enter("listReferrers");
    const all = this.#referrers.get(subject) ?? [];
    const referrers = artifactType === undefined ? all : filterByArtifactType(all, artifactType);
    return { ...this.provenance, referrers };
  }

  #enter(method: string): void {
    this.calls.push(method);
    if (this.failure) throw this.failure;
  }

  #getBlob(digest: Digest): Uint8Array {
    const blob = this.#blobs.get(digest);
    if (!blob) throw new RegistryError("BLOB_UNKNOWN", "blob unknown");
    return blob;
  }
}

class MemoryReader implements BlobReader {
  readonly size: number;
  readonly #bytes: Uint8Array;
  readonly #beforeRead: (position: number) => Promise<void>;
  readonly #onDispose: () => void;
  readonly #disposal = new AbortController();

  constructor(
    bytes: Uint8Array,
    beforeRead: (position: number) => Promise<void>,
    onDispose: () => void,
  ) {
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#beforeRead = beforeRead;
    this.#onDispose = onDispose;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const disposed = Promise.withResolvers<never>();
    const { signal } = this.#disposal;
    signal.addEventListener("abort", () => disposed.reject(signal.reason), { once: true });
    await Promise.race([this.#beforeRead(position), disposed.promise]);
    signal.throwIfAborted();
    const bytes = this.#bytes.subarray(position, position + buffer.length);
    buffer.set(bytes);
    return bytes.length;
  }

  async transfer(): Promise<number> {
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposal.signal.aborted) return;
    this.#disposal.abort(new Error("reader was disposed of"));
    this.#onDispose();
  }
}
