import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import { makeBlob, type TestBlob } from "../support/images.ts";
import { RandomSource } from "../support/random-source.ts";
import { listOpenBlobFiles, listPartials } from "../support/storage-files.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const sizes = [0, 1, 2, 65_536, mib - 1, 5 * mib + 1, 12 * mib, 24 * mib + 3] as const;
const faultCount = 30;
const clientCount = 16;
const requestsEach = 6;

/** Faults after which upstream's bytes are still the blob's. */
function breakTransfer(random: RandomSource): Fault {
  const at = random.below(6 * mib);
  return random.pick<Fault>([
    { cutAfter: at },
    { cutAfter: at, chunked: true },
    { stallAfter: at },
    { chunked: true },
    { ignoreRange: true },
    { cutAfter: at, ignoreRange: true },
    { status: 503 },
    { status: 429, headers: { "retry-after": "0" } },
    { status: 403 },
    { disconnect: true },
  ]);
}

/** Faults after which they are not. */
function spoilContent(random: RandomSource): Fault {
  const at = random.below(6 * mib);
  return random.pick<Fault>([
    { flipByteAt: at },
    { truncateTo: at },
    { body: "<html>sign in</html>" },
    { flipByteAt: at, chunked: true },
  ]);
}

/** What a client asked for, and how that ended. */
interface Outcome {
  isWhole: boolean;
  /** All that was asked for came, and a clean end. */
  isComplete: boolean;
  /** What came is what the blob has there. */
  isRight: boolean;
}

/** One GET: of all or a part, read to its end or left early. */
async function pullSomehow(
  mirror: TestMirror,
  blob: TestBlob,
  random: RandomSource,
): Promise<Outcome> {
  const size = blob.bytes.length;
  const isWhole = size === 0 || random.below(2) === 0;
  const start = isWhole ? 0 : random.below(size);
  const end = isWhole ? size : start + 1 + random.below(size - start);
  const patience = random.below(4) === 0 ? random.below(mib) : Infinity;
  const headers = isWhole ? {} : { range: `bytes=${start}-${end - 1}` };
  const parts: Buffer[] = [];
  let isComplete = false;
  // Broken off so early that not even the headers arrived.
  const response = await mirror.open(pathOf(blob), headers).catch(() => undefined);
  if (!response || response.statusCode >= 400) {
    await response?.body.dump();
    return { isWhole, isComplete, isRight: true };
  }
  let received = 0;
  try {
    for await (const part of response.body as AsyncIterable<Buffer>) {
      parts.push(part);
      received += part.length;
      if (received > patience) break;
    }
    isComplete = received === end - start;
  } catch {
    // The mirror broke it off, as it should where upstream brings nothing good.
  }
  const isRight = Buffer.concat(parts).equals(blob.bytes.subarray(start, start + received));
  return { isWhole, isComplete, isRight };
}

function pathOf({ digest }: TestBlob): string {
  return `/v2/library/app/blobs/${digest}`;
}

async function runClients(
  mirror: TestMirror,
  blobs: readonly TestBlob[],
  random: RandomSource,
): Promise<Outcome[]> {
  const clients = Array.from({ length: clientCount }, async () => {
    const outcomes: Outcome[] = [];
    for (let count = 0; count < requestsEach; count += 1) {
      outcomes.push(await pullSomehow(mirror, random.pick(blobs), random));
    }
    return outcomes;
  });
  return (await Promise.all(clients)).flat();
}

/** From now on no partial blob can be begun, until that is undone. */
async function breakDisk(storage: string): Promise<() => Promise<void>> {
  const partials = join(storage, "partial");
  await rm(partials, { recursive: true });
  await writeFile(partials, "");
  return () => rm(partials);
}

/** With upstream well again, everything can be had, and nothing is left of the trouble. */
async function expectCalm(mirror: TestMirror, registry: FakeRegistry, blobs: TestBlob[]) {
  // Endpoints that failed rest for a while, and so does a disk.
  mirror.clock.advance(120_000);
  for (const blob of blobs) {
    // A download that is still under way may have wrong bytes from before, and ends by them.
    await eventually("the blob can be had", async () => {
      const answer = await mirror.get(pathOf(blob)).catch(() => undefined);
      if (answer?.status !== 200) return false;
      expect(answer.body.equals(blob.bytes)).toBe(true);
      return true;
    });
  }
  await eventually(
    "no blob file is open",
    async () => (await listOpenBlobFiles(mirror.storage)).length === 0,
  );
  expect(await listPartials(mirror.storage)).toEqual([]);
  await eventually("upstream's answers are over", () =>
    registry.journal.entries.every(({ ended }) => ended),
  );
}

describe("many clients that pull, seek and leave while upstream fails in many ways", () => {
  const right = "its bytes are right";
  const wrong = "its bytes are wrong at times";
  test.each([
    { seed: 1, what: right, makeFault: breakTransfer },
    { seed: 3, what: wrong, makeFault: spoilContent },
    {
      seed: 4,
      what: `${right} and the disk is broken`,
      makeFault: breakTransfer,
      isDiskBroken: true,
    },
    {
      seed: 5,
      what: `${wrong} and the disk is broken`,
      makeFault: spoilContent,
      isDiskBroken: true,
    },
  ])(
    "get nothing but the blobs, and leave nothing behind, when $what (seed $seed)",
    async ({ seed, makeFault, isDiskBroken = false }) => {
      const random = new RandomSource(seed);
      await using registry = await FakeRegistry.start({ cdn: {} });
      const blobs = sizes.map((size) => makeBlob(size, `soak ${seed} ${size}`));
      for (const blob of blobs) registry.addBlob("library/app", blob);
      const faults = Array.from({ length: faultCount }, () =>
        registry.inject({ kind: "blob" }, { ...makeFault(random), times: 1 }),
      );
      await using mirror = await TestMirror.start({
        endpoints: [registry.url],
        upstream: { stallTimeoutMs: 200, connections: 8 },
      });
      const mendDisk = isDiskBroken ? await breakDisk(mirror.storage) : undefined;
      const outcomes = await runClients(mirror, blobs, random);
      for (const fault of faults) fault.remove();
      await mendDisk?.();
      const canBeWrong = makeFault === spoilContent;
      expect(outcomes.filter((outcome) => isBad(outcome, canBeWrong))).toEqual([]);
      expect(outcomes.filter(({ isComplete }) => isComplete).length).toBeGreaterThan(0);
      await expectCalm(mirror, registry, blobs);
    },
    60_000,
  );
});

/** Wrong bytes show in the whole only, when its last byte is due: a client may have had others before. */
function isBad({ isRight, isWhole, isComplete }: Outcome, canBeWrong: boolean): boolean {
  return !isRight && (!canBeWrong || (isWhole && isComplete));
}
