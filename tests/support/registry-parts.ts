import { pino } from "pino";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import { Downloads } from "../../src/registry/downloads.ts";
import type { MirroredName } from "../../src/registry/mirror-manifests.ts";
import { StoredBlobs } from "../../src/registry/stored-blobs.ts";
import { DiskBlobStore } from "../../src/store/blob/disk-blob-store.ts";
import { SqliteMetadataStore } from "../../src/store/metadata/sqlite-metadata-store.ts";
import { RegistryUpstream } from "../../src/upstream/registry-upstream.ts";
import { FakeRegistry } from "./fake-registry.ts";
import { ShiftedClock } from "./shifted-clock.ts";
import { makeTempDir } from "./temp-dir.ts";

const host = "registry.example";

/** The data path's parts on a real disk, in front of a registry that fails on demand. */
export class RegistryParts implements AsyncDisposable {
  readonly clock = new ShiftedClock();
  readonly log = pino({ level: "silent" });
  readonly registry: FakeRegistry;
  readonly storage: string;
  readonly blobs: DiskBlobStore;
  readonly metadata: SqliteMetadataStore;
  readonly upstream: RegistryUpstream;
  readonly stored: StoredBlobs;
  readonly downloads: Downloads;
  readonly #held: AsyncDisposableStack;

  private constructor(registry: FakeRegistry, storage: string, held: AsyncDisposableStack) {
    const { clock, log } = this;
    this.registry = registry;
    this.storage = storage;
    this.blobs = held.use(DiskBlobStore.at(storage));
    this.metadata = held.use(
      SqliteMetadataStore.openInMemory({ clock, log, onRebuilt: () => undefined }),
    );
    this.upstream = held.use(openUpstream(registry.url, this));
    this.stored = new StoredBlobs(this);
    const onStored = this.stored.record.bind(this.stored);
    this.downloads = held.use(new Downloads({ blobs: this.blobs, clock, log, onStored }));
    this.#held = held;
  }

  static async start(): Promise<RegistryParts> {
    await using starting = new AsyncDisposableStack();
    const dir = starting.use(await makeTempDir());
    const registry = starting.use(await FakeRegistry.start());
    return new RegistryParts(registry, dir.path, starting.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

export function mirroredName(text: string): MirroredName {
  const name = parseRepositoryName(text);
  return { name, key: qualifyName(host, name) };
}

function openUpstream(url: string, { clock, log }: Pick<RegistryParts, "clock" | "log">) {
  return new RegistryUpstream({
    host,
    endpoints: [url],
    credentials: undefined,
    tokenRealms: [],
    connections: 8,
    connectTimeoutMs: 2000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    retries: 2,
    maxRetryWaitMs: 1000,
    clock,
    log,
  });
}
