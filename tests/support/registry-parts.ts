import { pino } from "pino";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import { Departures } from "../../src/registry/departures.ts";
import { Downloads } from "../../src/registry/downloads.ts";
import type { MirroredName } from "../../src/registry/mirror-manifests.ts";
import { RuleBook, type Rule } from "../../src/registry/rule-book.ts";
import { StoredBlobs } from "../../src/registry/stored-blobs.ts";
import { createEviction, type Eviction } from "../../src/registry/upkeep/eviction.ts";
import type { StorageLimits } from "../../src/registry/upkeep/storage-limits.ts";
import { Usage } from "../../src/registry/usage.ts";
import { DiskBlobStore } from "../../src/store/blob/disk-blob-store.ts";
import type { InventoryStore } from "../../src/store/metadata/inventory-store.ts";
import type { PinStore } from "../../src/store/metadata/pin-store.ts";
import { SqliteMetadataStore } from "../../src/store/metadata/sqlite-metadata-store.ts";
import type { UpkeepStore } from "../../src/store/metadata/upkeep-store.ts";
import { directEgress } from "../../src/upstream/egress/egress.ts";
import { RegistryUpstream } from "../../src/upstream/registry-upstream.ts";
import { FakeRegistry } from "./fake-registry.ts";
import { ShiftedClock } from "./shifted-clock.ts";
import { makeTempDir } from "./temp-dir.ts";
import type { LogLine } from "./test-mirror.ts";

const host = "registry.example";

export interface RegistryPartsOptions {
  /** None unless given. */
  limits?: Partial<StorageLimits>;
  rules?: Rule[];
}

/** The data path's parts on a real disk, in front of a registry that fails on demand. */
export class RegistryParts implements AsyncDisposable {
  readonly clock = new ShiftedClock();
  /** Of level info and above. */
  readonly logged: LogLine[] = [];
  readonly log = pino(
    { level: "info", formatters: { level: (level) => ({ level }) } },
    { write: (line) => void this.logged.push(JSON.parse(line)) },
  );
  readonly registry: FakeRegistry;
  readonly storage: string;
  readonly blobs: DiskBlobStore;
  readonly metadata: SqliteMetadataStore;
  readonly upkeep: UpkeepStore;
  readonly inventory: InventoryStore;
  readonly pins: PinStore;
  readonly departures = new Departures();
  readonly upstream: RegistryUpstream;
  readonly stored: StoredBlobs;
  readonly usage: Usage;
  readonly rules: RuleBook;
  readonly limits: StorageLimits;
  /** Not started: tests call what they need. */
  readonly eviction: Eviction;
  readonly downloads: Downloads;
  readonly #held: AsyncDisposableStack;

  private constructor(
    registry: FakeRegistry,
    storage: string,
    held: AsyncDisposableStack,
    { limits, rules = [] }: RegistryPartsOptions,
  ) {
    const { clock, log, departures } = this;
    this.registry = registry;
    this.storage = storage;
    this.limits = { maxBytes: Infinity, minFree: { bytes: 0 }, maxAgeMs: Infinity, ...limits };
    this.rules = makeRuleBook(rules, this.limits);
    this.blobs = held.use(DiskBlobStore.at(storage));
    this.metadata = held.use(
      SqliteMetadataStore.openInMemory({ clock, log, onRebuilt: () => undefined }),
    );
    this.upkeep = this.metadata.upkeep;
    this.inventory = this.metadata.inventory;
    this.pins = this.metadata.pins;
    this.upstream = held.use(openUpstream(registry.url, this));
    this.stored = new StoredBlobs(this);
    this.usage = held.use(new Usage(this));
    this.eviction = createEviction(this);
    held.use(this.eviction.evictor);
    const onStored = this.stored.record.bind(this.stored);
    const onDurable = this.stored.confirm.bind(this.stored);
    const { room } = this.eviction;
    this.downloads = held.use(
      new Downloads({ blobs: this.blobs, clock, log, onStored, onDurable, room, departures }),
    );
    this.#held = held;
  }

  static async start(options: RegistryPartsOptions = {}): Promise<RegistryParts> {
    await using starting = new AsyncDisposableStack();
    const dir = starting.use(await makeTempDir());
    const registry = starting.use(await FakeRegistry.start());
    return new RegistryParts(registry, dir.path, starting.move(), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

export function mirroredName(text: string): MirroredName {
  const name = parseRepositoryName(text);
  return { name, key: qualifyName(host, name) };
}

function makeRuleBook(rules: Rule[], { maxAgeMs }: StorageLimits): RuleBook {
  const defaults = { revalidateAfterMs: 60_000, serveStaleForMs: Infinity, maxAgeMs };
  return new RuleBook({ rules, defaults });
}

function openUpstream(url: string, { clock, log }: Pick<RegistryParts, "clock" | "log">) {
  return new RegistryUpstream({
    host,
    endpoints: [{ url, trust: "full", egress: directEgress }],
    strategy: "ordered",
    accounts: [],
    tokenRealms: [],
    guard: undefined,
    minBytesPerSecond: 0,
    minRateForMs: 5000,
    connections: 8,
    connectionsPerBlob: 4,
    parallelFromBytes: 32 * 1024 ** 2,
    connectTimeoutMs: 2000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    retries: 2,
    maxRetryWaitMs: 1000,
    clock,
    log,
  });
}
