import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import { StorageError, type BlobReader } from "../store/blob/blob-store.ts";
import type { MetadataStore } from "../store/metadata/metadata-store.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { blobSource } from "./blob-source.ts";
import type { Downloads } from "./downloads.ts";
import type { MirroredName } from "./mirror-manifests.ts";
import type { NegativeAnswers } from "./negative-answers.ts";
import { PassThroughReader } from "./pass-through-reader.ts";
import type { BlobAnswer, BlobStat } from "./repository.ts";
import { SingleFlight } from "./single-flight.ts";
import type { StoredBlobs } from "./stored-blobs.ts";

interface MirrorBlobsOptions {
  upstream: Upstream;
  metadata: MetadataStore;
  stored: StoredBlobs;
  downloads: Downloads;
  negative: NegativeAnswers;
  clock: Clock;
}

/** Blobs by digest: from here if the repository may read them, else from upstream. */
export class MirrorBlobs {
  readonly #options: MirrorBlobsOptions;
  readonly #heads = new SingleFlight<{ size: number | undefined } | undefined>();

  constructor(options: MirrorBlobsOptions) {
    this.#options = options;
  }

  /** undefined: upstream does not have it. Throws UpstreamError. */
  async open(repository: MirroredName, digest: Digest): Promise<BlobAnswer | undefined> {
    try {
      return await this.#openHere(repository, digest);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
    return this.#passThrough(repository, digest);
  }

  /** undefined: upstream does not have it. Throws UpstreamError. */
  async stat(repository: MirroredName, digest: Digest): Promise<BlobStat | undefined> {
    const here = await this.#statHere(repository, digest);
    if (here?.linked) return here.stat;
    const head = await this.#head(repository, digest);
    if (!head) return undefined;
    if (here) return { ...here.stat, cache: "REVALIDATED" };
    const size = head.size ?? (await this.#describedSize(repository, digest));
    return size === undefined ? this.#measure(repository, digest) : { size, cache: "MISS" };
  }

  /** What is stored or on its way; undefined also where the disk does not tell. */
  async #statHere(
    repository: MirroredName,
    digest: Digest,
  ): Promise<{ linked: boolean; stat: BlobStat } | undefined> {
    try {
      const { linked, reader } = await this.#findStored(repository, digest);
      await reader?.[Symbol.asyncDispose]();
      if (reader) return { linked, stat: { size: reader.size, cache: "HIT" } };
      const download = this.#options.downloads.find(digest);
      const size = await download?.opened;
      const cache = download?.isStored ? "HIT" : "MISS";
      return size === undefined ? undefined : { linked, stat: { size, cache } };
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }

  /** Throws StorageError where the disk does not do its part. */
  async #openHere(repository: MirroredName, digest: Digest): Promise<BlobAnswer | undefined> {
    const { linked, reader } = await this.#findStored(repository, digest);
    if (reader && linked) return { reader, cache: "HIT" };
    const isComing = this.#options.downloads.find(digest) !== undefined;
    if (linked || (!reader && !isComing)) return this.#fetch(repository, digest);
    if (!(await this.#hasRight(repository, digest, reader))) return undefined;
    const answer: BlobAnswer | undefined = reader
      ? { reader, cache: "HIT" }
      : await this.#fetch(repository, digest);
    return answer?.cache === "HIT" ? { ...answer, cache: "REVALIDATED" } : answer;
  }

  async #findStored(
    { key }: MirroredName,
    digest: Digest,
  ): Promise<{ linked: boolean; reader: BlobReader | undefined }> {
    const { metadata, stored, downloads } = this.#options;
    const { linked, content } = await metadata.findBlob(key, digest);
    // A download ends a little after its blob is in place; until then it is the one to ask.
    const isComing = downloads.find(digest) !== undefined;
    return { linked, reader: isComing ? undefined : await stored.open(digest, content) };
  }

  async #hasRight(
    repository: MirroredName,
    digest: Digest,
    reader: BlobReader | undefined,
  ): Promise<boolean> {
    let allowed = false;
    try {
      allowed = (await this.#head(repository, digest)) !== undefined;
    } finally {
      if (!allowed) await reader?.[Symbol.asyncDispose]();
    }
    return allowed;
  }

  /** Asks upstream with the repository's rights; a yes is kept as a link. */
  async #head(
    { name, key }: MirroredName,
    digest: Digest,
  ): Promise<{ size: number | undefined } | undefined> {
    const { upstream, metadata, negative, clock } = this.#options;
    const flight = `${key}@${digest}`;
    if (negative.has(flight)) return undefined;
    return this.#heads.run(flight, async () => {
      const head = await upstream.headBlob(name, digest);
      if (head) await metadata.link(key, digest, clock.now());
      else negative.add(flight);
      return head;
    });
  }

  async #fetch(repository: MirroredName, digest: Digest): Promise<BlobAnswer | undefined> {
    const { upstream, downloads, negative } = this.#options;
    if (negative.has(`${repository.key}@${digest}`)) return undefined;
    const source = blobSource(upstream, repository.name, digest);
    const describedSize = await this.#describedSize(repository, digest);
    const download = await downloads.join(source, describedSize);
    const size = await download.opened;
    if (size !== undefined) {
      const cache = download.isStored ? "HIT" : "MISS";
      const reader = download.read();
      await this.#link(repository, digest);
      return reader ? { reader, cache } : this.#openHere(repository, digest);
    }
    await download.finished;
    // It was another repository that does not have the blob.
    if (download.source !== source) return this.#fetch(repository, digest);
    negative.add(`${repository.key}@${digest}`);
    return undefined;
  }

  async #passThrough(repository: MirroredName, digest: Digest): Promise<BlobAnswer | undefined> {
    const { upstream, clock } = this.#options;
    const source = blobSource(upstream, repository.name, digest);
    const describedSize = await this.#describedSize(repository, digest);
    const reader = await PassThroughReader.open({ source, describedSize, clock });
    if (!reader) return undefined;
    await this.#link(repository, digest);
    return { reader, cache: "PASS" };
  }

  /** For an upstream that tells no size in any other way. */
  async #measure(repository: MirroredName, digest: Digest): Promise<BlobStat | undefined> {
    const answer = await this.open(repository, digest);
    await answer?.reader[Symbol.asyncDispose]();
    return answer && { size: answer.reader.size, cache: answer.cache };
  }

  async #describedSize({ key }: MirroredName, digest: Digest): Promise<number | undefined> {
    return this.#options.metadata.findDescribedSize(key, digest);
  }

  async #link({ key }: MirroredName, digest: Digest): Promise<void> {
    await this.#options.metadata.link(key, digest, this.#options.clock.now());
  }
}
