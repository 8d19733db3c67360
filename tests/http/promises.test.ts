import { describe, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Digest } from "../../src/oci/digest.ts";
import {
  CacheWorld,
  images,
  maxAgeMs,
  maxBytes,
  partsOf,
  type Damage,
} from "../support/cache-world.ts";
import type { TestImage } from "../support/images.ts";
import { eventually } from "../support/wait.ts";

const tags = ["a", "b", "c"] as const;
type TagName = (typeof tags)[number];

/** What should be so, kept beside the real thing. */
class Model {
  isUp = true;
  readonly upstream = new Map<TagName, TestImage>();
  /** What the mirror learnt of a tag last, and must still know. */
  readonly known = new Map<TagName, TestImage>();
  readonly pins = new Set<TagName>();
  /** Not used for so long that it may go as soon as no pin holds it. */
  readonly overdue = new Set<TestImage>();
  /** Seen on disk while pinned: there it stays. */
  readonly kept = new Set<Digest>();

  isPinned(digest: Digest): boolean {
    return [...this.pins].some((tag) => {
      const image = this.known.get(tag);
      return image !== undefined && partsOf(image).some((part) => part.digest === digest);
    });
  }

  /** What a pull gives, where it may give one or the other: what it gave. */
  expect(tag: TagName, found: TestImage | undefined): TestImage | undefined {
    const known = this.known.get(tag);
    const isHeld = [...this.pins].some((pinned) => this.known.get(pinned) === known);
    const pinned = this.pins.has(tag) ? known : undefined;
    if (this.isUp) return this.upstream.get(tag) ?? pinned;
    return known && this.overdue.has(known) && !isHeld ? found : known;
  }

  forgetUnpinned(): void {
    for (const digest of this.kept) if (!this.isPinned(digest)) this.kept.delete(digest);
  }
}

type Step = (model: Model, world: CacheWorld) => Promise<void>;

/** One command: what is done, and afterwards all that always holds. */
function command(name: string, step: Step): fc.AsyncCommand<Model, CacheWorld> {
  return {
    check: () => true,
    run: async (model, world) => {
      await step(model, world);
      await checkPromises(model, world);
    },
    toString: () => name,
  };
}

function fail(what: string): never {
  throw new Error(what);
}

async function checkPromises(model: Model, world: CacheWorld): Promise<void> {
  await eventually(
    "the cache keeps below its limit",
    async () => (await world.measure()) <= maxBytes,
  );
  const present = new Set(await world.listBlobFiles());
  model.forgetUnpinned();
  for (const digest of model.kept) if (!present.has(digest)) fail(`pinned ${digest} is gone`);
  for (const digest of present) if (model.isPinned(digest)) model.kept.add(digest);
  const report = await world.mirror.run("verify", { repair: false });
  if (report.damaged.length > 0) fail(`damaged: ${JSON.stringify(report.damaged)}`);
  await eventually("records and files agree", async () => {
    const records = await world.mirror.list("listBlobs", {});
    const files = await world.listBlobFiles();
    return (
      records
        .map(({ digest }) => digest)
        .toSorted()
        .join() === files.join()
    );
  });
}

async function pull(model: Model, world: CacheWorld, tag: TagName): Promise<void> {
  const before = new Set(await world.listBlobFiles());
  const { image, isWhole, statuses } = await world.pull(tag);
  const expected = model.expect(tag, image);
  if (image) model.overdue.delete(image);
  if (image !== expected) fail(`${tag} should be ${nameOf(expected)} and is ${nameOf(image)}`);
  const couldBeWhole =
    expected && (model.isUp || partsOf(expected).every(({ digest }) => before.has(digest)));
  if (couldBeWhole && !isWhole) fail(`${tag} came with ${statuses.join()}`);
  if (model.isUp && statuses.some((status) => status !== 404)) fail(`answered ${statuses.join()}`);
  if (statuses.includes(500)) fail(`${tag} was answered with 500`);
  if (!model.isUp) return;
  if (expected) model.known.set(tag, expected);
  else model.known.delete(tag);
}

function nameOf(image: TestImage | undefined): string {
  return image === undefined ? "absent" : `image ${images.indexOf(image)}`;
}

async function damage(
  model: Model,
  world: CacheWorld,
  { kind, index }: { kind: Damage; index: number },
): Promise<void> {
  const files = await world.listBlobFiles();
  const digest = files[index % Math.max(1, files.length)];
  if (digest === undefined) return;
  await world.damage(digest, kind);
  model.kept.delete(digest);
  const { damaged } = await world.mirror.run("verify", { repair: false });
  const found = damaged.map((entry) => entry.digest).join();
  if (found !== digest) fail(`${kind} of ${digest}: found ${found}`);
}

async function age(model: Model, world: CacheWorld): Promise<void> {
  world.clock.advance(maxAgeMs + 3_600_000);
  await world.mirror.run("evict", { dryRun: false });
  const pinned = [...model.pins].map((tag) => model.known.get(tag));
  for (const [tag, image] of model.known) {
    if (pinned.includes(image)) model.overdue.add(image);
    else model.known.delete(tag);
  }
}

async function remove(model: Model, world: CacheWorld, tag: TagName): Promise<void> {
  const removal = world.mirror.run("remove", { names: [`app:${tag}`], allTags: false });
  const isAllowed = !model.pins.has(tag) && model.known.has(tag);
  const isDone = await removal.then(() => true).catch(() => false);
  if (isDone && !isAllowed) fail(`${tag} was removed`);
  if (isDone) model.known.delete(tag);
}

/** Everything is asked for while everything that may go is being evicted. */
async function rush(model: Model, world: CacheWorld, toBytes: number): Promise<void> {
  if (!model.isUp) return;
  const pulls = [...tags, ...tags].map((tag) => pull(model, world, tag));
  const evictions = [1, 2, 3, 4].map(async (rounds) => {
    for (let round = 0; round < rounds; round += 1) {
      await world.mirror.run("evict", { toBytes, dryRun: false });
    }
  });
  await Promise.all([...pulls, ...evictions]);
}

/** Blobs come and go on the disk, and the records know nothing of it. */
async function crashUnrecorded(model: Model, world: CacheWorld, toBytes: number): Promise<void> {
  await world.mirror.run("evict", { toBytes, dryRun: false });
  const settled = tags.filter((tag) => model.known.get(tag) === model.upstream.get(tag));
  await world.crash(() => Promise.all(settled.map((tag) => world.pull(tag))));
}

const anyTag = fc.constantFrom<TagName>(...tags);
const anyImage = fc.constantFrom(...images);

const commands = [
  anyTag.map((tag) => command(`pull ${tag}`, (model, world) => pull(model, world, tag))),
  fc.tuple(anyTag, anyImage).map(([tag, image]) =>
    command(`move ${tag} to ${nameOf(image)}, pull`, async (model, world) => {
      world.registry.moveTag("library/app", tag, image.manifest.digest);
      model.upstream.set(tag, image);
      await pull(model, world, tag);
    }),
  ),
  anyTag.map((tag) =>
    command(`upstream deletes ${tag}`, async (model, world) => {
      world.registry.deleteTag("library/app", tag);
      model.upstream.delete(tag);
    }),
  ),
  fc.boolean().map((isUp) =>
    command(isUp ? "upstream is up" : "upstream is down", async (model, world) => {
      world.setOutage(!isUp);
      model.isUp = isUp;
    }),
  ),
  anyTag.map((tag) =>
    command(`pin ${tag}`, async (model, world) => {
      await world.mirror.run("pin", { name: `app:${tag}` });
      model.pins.add(tag);
    }),
  ),
  anyTag.map((tag) =>
    command(`unpin ${tag}`, async (model, world) => {
      await world.mirror.run("unpin", { name: `app:${tag}` });
      model.pins.delete(tag);
    }),
  ),
  fc.nat(maxBytes).map((toBytes) =>
    command(`evict to ${toBytes}`, async (_, world) => {
      await world.mirror.run("evict", { toBytes, dryRun: false });
    }),
  ),
  fc
    .nat(maxBytes)
    .map((toBytes) =>
      command(`pull all, evict to ${toBytes} meanwhile`, (model, world) =>
        rush(model, world, toBytes),
      ),
    ),
  fc
    .nat(maxBytes)
    .map((toBytes) =>
      command(`evict to ${toBytes}, crash over pulls`, (model, world) =>
        crashUnrecorded(model, world, toBytes),
      ),
    ),
  anyTag.map((tag) => command(`remove ${tag}`, (model, world) => remove(model, world, tag))),
  fc.constant(command("age", age)),
  fc
    .record({ kind: fc.constantFrom<Damage>("flip", "truncate", "delete"), index: fc.nat(20) })
    .map((what) =>
      command(`${what.kind} blob ${what.index}`, (model, world) => damage(model, world, what)),
    ),
  fc.constant(command("restart", (_, world) => world.restart())),
  fc.constant(command("crash", (_, world) => world.crash())),
];

describe("whatever happens to the cache", () => {
  test("what it promises holds after each step", async () => {
    const property = fc.asyncProperty(
      fc.commands(commands, { maxCommands: 40, size: "+1" }),
      async (steps) => {
        await using world = await CacheWorld.start();
        await fc.asyncModelRun(() => ({ model: new Model(), real: world }), steps);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  }, 300_000);
});
