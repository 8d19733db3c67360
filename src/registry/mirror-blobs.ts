import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import { StorageError, type BlobReader } from "../store/blob/blob-store.ts";
import type { MetadataStore } from "../store/metadata/metadata-store.ts";
import { UpstreamError, type Upstream } from "../upstream/upstream.ts";
import { BlobBreadth } from "./blob-breadth.ts";
import { blobSource, type BlobSource } from "./blob-source.ts";
import type { Download } from "./download.ts";
import type { Downloads } from "./downloads.ts";
import type { MirroredName } from "./mirror-manifests.ts";
import type { NegativeAnswers } from "./negative-answers.ts";
import { PassThroughReader } from "./pass-through-reader.ts";
import type { BlobAnswer, BlobStat, CacheStatus } from "./repository.ts";
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
  readonly #breadth: BlobBreadth;
  readonly #heads = new SingleFlight<{ size: number | undefined } | undefined>();

  constructor(options: MirrorBlobsOptions) {
    this.#options = options;
    const { upstream, clock } = options;
    this.#breadth = new BlobBreadth({ ranges: upstream.parallelRanges, clock });
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
      if (download && isForeign(download, repository)) return undefined;
      const cache = download?.isStored ? "HIT" : "MISS";
      // Why it could not begin may have to do with the repository that it was begun for.
      const opening = await download?.opened.catch(() => undefined);
      if (opening?.kind !== "coming") return undefined;
      return { linked, stat: { size: opening.size, cache } };
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }

  /** Throws StorageError where the disk does not do its part. */
  async #openHere(repository: MirroredName, digest: Digest): Promise<BlobAnswer | undefined> {
    const { linked, reader } = await this.#findStored(repository, digest);
    if (!reader) return this.#fetch(repository, digest, linked);
    if (linked) return { reader, cache: "HIT" };
    await using held = new AsyncDisposableStack();
    held.use(reader);
    if (!(await this.#head(repository, digest))) return undefined;
    held.move();
    return { reader, cache: "REVALIDATED" };
  }

  async #findStored(
    { key }: MirroredName,
    digest: Digest,
  ): Promise<{ linked: boolean; reader: BlobReader | undefined }> {
    const { metadata, stored, downloads } = this.#options;
    const { linked, content } = await metadata.findBlob(key, digest);
    // A download ends a little after its blob is in place; until then it is the one to ask.
    const isOnItsWay = downloads.find(digest) !== undefined || downloads.isLeaving(digest);
    return { linked, reader: isOnItsWay ? undefined : await stored.open(digest, content) };
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

  /** Joins the blob's download, or begins it. */
  async #fetch(
    repository: MirroredName,
    digest: Digest,
    linked: boolean,
  ): Promise<BlobAnswer | undefined> {
    const { downloads, negative } = this.#options;
    if (negative.has(`${repository.key}@${digest}`)) return undefined;
    const source = this.#sourceOf(repository, digest);
    const describedSize = await this.#describedSize(repository, digest);
    const download = await downloads.join(source, describedSize);
    if (isForeign(download, repository)) return this.#passThrough(repository, digest);
    if (download.source.repository !== repository.key) {
      return this.#follow(repository, download, linked);
    }
    const cache = download.isStored ? "HIT" : "MISS";
    const opening = await download.opened;
    if (opening.kind === "absent") {
      await download.finished;
      negative.add(`${repository.key}@${digest}`);
      return undefined;
    }
    if (opening.kind === "coming" && !linked) await this.#link(repository, digest);
    return this.#read(repository, download, cache);
  }

  /** A download begun for another repository: bytes are shared, rights are not. */
  async #follow(
    repository: MirroredName,
    download: Download,
    linked: boolean,
  ): Promise<BlobAnswer | undefined> {
    const { digest } = download.source;
    const cache = download.isStored ? "HIT" : "MISS";
    if (!linked && !(await this.#head(repository, digest))) return undefined;
    const isAtSame = registryOf(download.source.repository) === registryOf(repository.key);
    const opening = await download.opened.catch((error: unknown) => {
      if (!saysNothingElsewhere(error, isAtSame)) throw error;
    });
    if (opening && opening.kind !== "absent") {
      const answer = await this.#read(repository, download, cache);
      // Upstream was asked, however far the download had come by then.
      return answer?.cache === "HIT" && !linked ? { ...answer, cache: "REVALIDATED" } : answer;
    }
    await download.finished;
    return this.#fetch(repository, digest, true);
  }

  async #read(
    repository: MirroredName,
    download: Download,
    cache: CacheStatus,
  ): Promise<BlobAnswer | undefined> {
    const reader = download.read();
    if (reader) return { reader, cache };
    await download.finished;
    return this.#openHere(repository, download.source.digest);
  }

  async #passThrough(repository: MirroredName, digest: Digest): Promise<BlobAnswer | undefined> {
    const { clock } = this.#options;
    const source = this.#sourceOf(repository, digest);
    const describedSize = await this.#describedSize(repository, digest);
    const reader = await PassThroughReader.open({ source, describedSize, clock });
    if (!reader) return undefined;
    await this.#link(repository, digest);
    return { reader, cache: "PASS" };
  }

  #sourceOf(repository: MirroredName, digest: Digest): BlobSource {
    return blobSource(this.#options.upstream, repository, digest, this.#breadth);
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

/**
 * Another registry sends it, which nobody but a client chose: it may be as wrong, as slow and of as
 * wrong a size as it likes, which is not for the clients of this one to bear, as long as no digest
 * has proved it.
 */
function isForeign({ source, isStored }: Download, { key }: MirroredName): boolean {
  return source.isLetIn && !isStored && registryOf(source.repository) !== registryOf(key);
}

function registryOf(key: QualifiedName): string {
  return key.slice(0, key.indexOf("/"));
}

/**
 * That one repository has no right to a blob says nothing of another's right, and one registry's
 * troubles nothing of another registry.
 */
function saysNothingElsewhere(error: unknown, isAtSame: boolean): boolean {
  return error instanceof UpstreamError && (error.failure === "denied" || !isAtSame);
}
