import type { Digest } from "../../../../src/oci/digest.ts";
import { ociIndex } from "../../../../src/oci/media-type.ts";
import type { Manifest } from "../../../../src/oci/manifest.ts";
import type { Platform } from "../../../../src/oci/platform.ts";
import { parseRepositoryName, qualifyName } from "../../../../src/oci/repository-name.ts";
import type { BlobAnswer, BlobReader, BlobStat } from "../../../../src/registry/repository.ts";
import { makeManifest, type TestImage } from "../../../support/images.ts";
import { MemoryRepository } from "../../../support/memory-repository.ts";

/** A mirror's repository in memory: a blob is a miss until it was read to its end. */
export class ColdRepository extends MemoryRepository {
  /** Shared with others, as a mirror's repositories share their bytes. */
  kept = new Set<Digest>();
  /** Blobs that are read, in the order of their first read. */
  readonly read = new Set<Digest>();
  /** The most that were open for reading at one time. */
  mostOpen = 0;
  /** What becomes of a blob that was read to its end. */
  onRead = (digest: Digest): void => void this.kept.add(digest);

  constructor(name = "library/app") {
    super();
    this.key = qualifyName("docker.io", parseRepositoryName(name));
  }

  addImage(tag: string, image: TestImage): void {
    this.addManifest(tag, image.manifest.mediaType, text(image.manifest));
    for (const { bytes } of [image.config, ...image.layers]) this.addBlob(bytes);
  }

  addIndex(tag: string, images: (readonly [TestImage, Platform | undefined])[]): Manifest {
    for (const [image] of images) this.addImage(image.manifest.digest, image);
    const manifests = images.map(([{ manifest }, platform]) => ({
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.bytes.length,
      ...(platform && { platform }),
    }));
    const index = makeManifest(ociIndex, { manifests });
    return this.addManifest(tag, ociIndex, text(index));
  }

  override async statBlob(digest: Digest): Promise<BlobStat> {
    const stat = await super.statBlob(digest);
    return { ...stat, cache: this.#cache(digest) };
  }

  override async openBlob(digest: Digest): Promise<BlobAnswer> {
    const answer = await super.openBlob(digest);
    this.mostOpen = Math.max(this.mostOpen, this.openReaders);
    const reader = this.#watch(answer.reader, digest);
    return { ...answer, reader, cache: this.#cache(digest) };
  }

  #watch(reader: BlobReader, digest: Digest): BlobReader {
    return {
      size: reader.size,
      read: async (buffer, position) => {
        this.read.add(digest);
        const count = await reader.read(buffer, position);
        if (position + count === reader.size) this.onRead(digest);
        return count;
      },
      transfer: (take, position, count) => reader.transfer(take, position, count),
      [Symbol.asyncDispose]: () => Promise.resolve(reader[Symbol.asyncDispose]()),
    };
  }

  #cache(digest: Digest): BlobAnswer["cache"] {
    if (this.provenance.cache === "PASS") return "PASS";
    return this.kept.has(digest) ? "HIT" : "MISS";
  }
}

function text({ bytes }: Manifest): string {
  return Buffer.from(bytes).toString();
}
