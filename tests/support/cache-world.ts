import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import {
  copyFile,
  mkdir,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { asDigest, digestOf, type Digest } from "../../src/oci/digest.ts";
import { FakeRegistry } from "./fake-registry.ts";
import type { InjectedFault } from "./fake-registry-faults.ts";
import { makeBlob, makeImageOf, type TestBlob, type TestImage } from "./images.ts";
import { ShiftedClock } from "./shifted-clock.ts";
import { blobFile } from "./storage-files.ts";
import { makeTempDir } from "./temp-dir.ts";
import { TestMirror } from "./test-mirror.ts";
import { eventually } from "./wait.ts";

/** One image takes less, all of them take more. */
export const maxBytes = 160_000;
export const maxAgeMs = 30 * 24 * 3_600_000;

const shared = [makeBlob(20_000, "base"), makeBlob(35_000, "runtime")];
const own = [25_000, 1, 45_000, 60_000].map((size) => makeBlob(size, `layer of ${size}`));

/** They share layers, and one has only such. */
export const images: readonly TestImage[] = [
  makeImageOf([...shared.slice(0, 1), ...own.slice(0, 1)], "first"),
  makeImageOf([...shared, ...own.slice(1, 3)], "second"),
  makeImageOf([...shared, ...own.slice(3)], "third"),
  makeImageOf(shared, "fourth"),
];

export function partsOf({ config, layers }: TestImage): TestBlob[] {
  return [config, ...layers];
}

/** How a pull ended: the image that came, and whether every part of it did. */
export interface Pulled {
  image: TestImage | undefined;
  isWhole: boolean;
  /** Of answers that were no content. */
  statuses: number[];
}

export type Damage = "flip" | "truncate" | "delete";

/** A mirror with little room in front of a registry, both of which can be made to fail. */
export class CacheWorld implements AsyncDisposable {
  readonly registry: FakeRegistry;
  readonly clock = new ShiftedClock();
  readonly #held: AsyncDisposableStack;
  readonly #directory: string;
  #storageCount = 1;
  #mirror: TestMirror | undefined;
  #outage: InjectedFault | undefined;

  private constructor(registry: FakeRegistry, directory: string, held: AsyncDisposableStack) {
    this.registry = registry;
    this.#directory = directory;
    this.#held = held;
  }

  static async start(): Promise<CacheWorld> {
    await using starting = new AsyncDisposableStack();
    const { path } = starting.use(await makeTempDir());
    const registry = starting.use(await FakeRegistry.start());
    for (const image of images) registry.addImage("library/app", image.manifest.digest, image);
    const world = new CacheWorld(registry, path, starting.move());
    await world.open();
    return world;
  }

  get mirror(): TestMirror {
    if (!this.#mirror) throw new Error("the mirror is not running");
    return this.#mirror;
  }

  get storage(): string {
    return join(this.#directory, `storage-${this.#storageCount}`);
  }

  async open(): Promise<void> {
    this.#mirror = await TestMirror.start({
      endpoints: [this.registry.url],
      storage: this.storage,
      clock: this.clock,
      tags: { revalidateAfterMs: 0, negativeTtlMs: 0, serveStaleForMs: 3650 * 24 * 3_600_000 },
      limits: { maxBytes, maxAgeMs },
      upstream: { retries: 0 },
    });
  }

  async restart(): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.open();
  }

  /**
   * What a kill would leave on the disk is what is on it now; the mirror that goes on has nothing
   * else. `unrecorded` happens on the disk, but not in the records.
   */
  async crash(unrecorded: () => Promise<unknown> = async () => undefined): Promise<void> {
    const killed = this.mirror;
    const left = this.storage;
    this.#storageCount += 1;
    copyRecords(left, this.storage);
    await unrecorded();
    await copyFiles(left, this.storage);
    await killed[Symbol.asyncDispose]();
    await rm(left, { recursive: true });
    await this.open();
    await eventually("it has looked at what was left", () =>
      this.mirror.log.some(({ msg }) => msg === "storage swept"),
    );
  }

  setOutage(isOut: boolean): void {
    this.#outage?.remove();
    this.#outage = isOut ? this.registry.inject({}, { disconnect: true }) : undefined;
    // Endpoints that failed rest for a while, and so do answers that say no.
    this.clock.advance(120_000);
  }

  /** As a client does; never sees bytes that are not the content's, or it throws. */
  async pull(tag: string): Promise<Pulled> {
    const answer = await this.mirror.get(`/v2/library/app/manifests/${tag}`);
    if (answer.status !== 200)
      return { image: undefined, isWhole: false, statuses: [answer.status] };
    const digest = digestOf(answer.body);
    const image = images.find(({ manifest }) => manifest.digest === digest);
    if (!image) throw new Error(`tag ${tag} was answered with something that is no image`);
    const answers = await Promise.all(partsOf(image).map((part) => this.#fetch(part)));
    const statuses = answers.filter((status) => status !== 200);
    return { image, isWhole: statuses.length === 0, statuses };
  }

  async #fetch({ digest }: TestBlob): Promise<number> {
    const { status, body } = await this.mirror.get(`/v2/library/app/blobs/${digest}`);
    if (status === 200 && digestOf(body) !== digest) throw new Error(`${digest} came out wrong`);
    return status;
  }

  /** Of a blob at rest: what is still being synced is served from its download. */
  async damage(digest: Digest, damage: Damage): Promise<void> {
    await eventually("all downloads are over", async () => {
      const { downloads } = await this.mirror.run("stats", {});
      return downloads.length === 0;
    });
    const path = blobFile(this.storage, digest);
    if (damage === "delete") return rm(path);
    if (damage === "truncate") return truncate(path, 0);
    const bytes = await readFile(path);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return writeFile(path, bytes);
  }

  /** Whole blobs on disk, in digest order. */
  async listBlobFiles(): Promise<Digest[]> {
    const paths = await readdir(join(this.storage, "blobs"), { recursive: true });
    return paths
      .map((path) => asDigest(`sha256:${path.split("/").at(-1)}`))
      .filter((digest) => digest !== undefined)
      .toSorted();
  }

  /** All that counts as the cache's size. */
  async measure(): Promise<number> {
    const directories = ["blobs", "partial", "quarantine"].map((name) => join(this.storage, name));
    const sizes = await Promise.all(directories.map(measureFiles));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mirror?.[Symbol.asyncDispose]();
    await this.#held.disposeAsync();
  }
}

/** In one moment, as far as the mirror that works on them is concerned. */
function copyRecords(from: string, to: string): void {
  mkdirSync(to);
  for (const name of ["metadata.db", "metadata.db-wal"]) {
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
  }
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const directory of ["blobs", "partial", "quarantine"]) {
    const paths = await readdir(join(from, directory), { recursive: true }).catch(() => []);
    for (const path of paths)
      await copyIfThere(join(from, directory, path), join(to, directory, path));
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  const found = await stat(from).catch(() => undefined);
  if (!found?.isFile()) return;
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to).catch(() => undefined);
}

/** What goes away meanwhile counts nothing. */
async function measureFiles(directory: string): Promise<number> {
  const paths = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(join(directory, path)).catch(() => undefined);
      return found?.isFile() ? found.size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
