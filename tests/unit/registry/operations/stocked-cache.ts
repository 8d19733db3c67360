import { pino } from "pino";
import type { Digest } from "../../../../src/oci/digest.ts";
import { parseManifest, type Manifest } from "../../../../src/oci/manifest.ts";
import { parsePullName } from "../../../../src/oci/pull-name.ts";
import type { QualifiedName } from "../../../../src/oci/repository-name.ts";
import type {
  CallOptions,
  OperationArgs,
  OperationEvent,
  OperationName,
  OperationResult,
  Operations,
} from "../../../../src/registry/operations/operations.ts";
import { RuleBook, type Rule } from "../../../../src/registry/rule-book.ts";
import { DiskBlobStore } from "../../../../src/store/blob/disk-blob-store.ts";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import type { TestBlob, TestImage, TestIndex } from "../../../support/images.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

/** A cache with what a test puts into it: real SQLite, real files. */
export class StockedCache implements AsyncDisposable {
  /** Of the storage. */
  readonly path: string;
  readonly clock: SteppedClock;
  readonly metadata: SqliteMetadataStore;
  readonly blobs: DiskBlobStore;
  readonly rules: RuleBook;
  readonly #held: AsyncDisposableStack;

  private constructor(path: string, rules: Rule[], held: AsyncDisposableStack) {
    this.path = path;
    this.clock = new SteppedClock();
    const log = pino({ level: "silent" });
    this.blobs = held.use(DiskBlobStore.at(path));
    this.metadata = held.use(SqliteMetadataStore.openInMemory({ log, clock: this.clock }));
    const defaults = { revalidateAfterMs: 60_000, serveStaleForMs: 3_600_000, maxAgeMs: Infinity };
    this.rules = new RuleBook({ rules, defaults });
    this.#held = held;
  }

  static async open({ rules = [] }: { rules?: Rule[] } = {}): Promise<StockedCache> {
    await using opening = new AsyncDisposableStack();
    const { path } = opening.use(await makeTempDir());
    const cache = new StockedCache(path, rules, opening.move());
    await cache.blobs.prepare();
    return cache;
  }

  /** What operations are built with. */
  get stores() {
    const { metadata, blobs, rules, clock } = this;
    const { inventory, upkeep, pins, traffic } = metadata;
    return { metadata, inventory, upkeep, pins, traffic, blobs, rules, clock };
  }

  /** `name` as it is pulled: `node:24`, or with a digest where it has no tag. */
  async addImage(name: string, image: TestImage): Promise<void> {
    await this.addManifest(name, image.manifest);
    for (const blob of [image.config, ...image.layers]) await this.addBlob(blob);
  }

  async addIndex(name: string, index: TestIndex): Promise<void> {
    const { repository } = parsePullName(name);
    await this.addManifest(name, index.manifest);
    for (const image of index.images) {
      await this.addImage(`${repository}@${image.manifest.digest}`, image);
    }
  }

  async addManifest(name: string, manifest: Manifest): Promise<void> {
    const { repository, reference } = parsePullName(name);
    const { blobs, manifests, subject } = parseManifest(manifest.bytes, manifest.mediaType);
    const at = this.clock.now();
    const references = [...blobs, ...manifests];
    await this.metadata.saveManifest({ repository, manifest, references, subject, at });
    if (reference.kind === "tag") {
      await this.metadata.saveTag(repository, reference.tag, manifest.digest, at);
    }
  }

  async addBlob({ digest, bytes }: Pick<TestBlob, "digest" | "bytes">): Promise<void> {
    const at = this.clock.now();
    await this.metadata.saveBlob(digest, { size: bytes.length, checkedAt: at }, at);
    if (await this.blobs.stat(digest)) return;
    await using partial = await this.blobs.partial(digest);
    partial.setSize(bytes.length);
    await partial.write(0, Buffer.from(bytes));
    await partial.flush();
    await partial.verify();
    await partial.commit();
    partial.release();
  }

  async pin(name: string, until?: number): Promise<void> {
    const { repository, reference } = parsePullName(name);
    const createdAt = this.clock.now();
    await this.metadata.pins.savePin({ repository, reference, createdAt, until, note: undefined });
  }

  async link(name: string, digest: Digest): Promise<void> {
    await this.metadata.link(parsePullName(name).repository, digest, this.clock.now());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

/** What the operation tells and gives. */
export async function call<Name extends OperationName>(
  operation: Operations[Name],
  args: OperationArgs<Name>,
  signal = new AbortController().signal,
): Promise<{ events: OperationEvent<Name>[]; result: OperationResult<Name> }> {
  const events: OperationEvent<Name>[] = [];
  const options: CallOptions<OperationEvent<Name>> = {
    signal,
    onEvent: (event) => events.push(event),
  };
  return { result: await operation(args, options), events };
}

export function repositoryOf(name: string): QualifiedName {
  return parsePullName(name).repository;
}
