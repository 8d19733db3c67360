import { execFile } from "node:child_process";
import { Hash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, jest, test } from "@jest/globals";
import * as fc from "fast-check";
import { digestOf, type Digest } from "../../../../src/oci/digest.ts";
import { DigestThreads } from "../../../../src/store/blob/digest-threads.ts";
import { PrefixDigest } from "../../../../src/store/blob/prefix-digest.ts";
import { pseudoRandomBytes } from "../../../support/images.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

const mib = 1024 * 1024;
const tib = 1024 ** 4;

async function openPlace(maxThreads = 1) {
  await using held = new AsyncDisposableStack();
  const { path } = held.use(await makeTempDir());
  const threads = held.use(new DigestThreads(maxThreads));
  const all = held.move();
  let count = 0;
  return {
    threads,
    /** A digest of a file of those bytes, followed by a hole up to `size`. */
    async digestIn(bytes: Buffer, digest: Digest = digestOf(bytes), size = bytes.length) {
      count += 1;
      const file = all.use(await open(join(path, `file ${count}`), "w+"));
      await file.writeFile(bytes);
      await file.truncate(size);
      const prefix = new PrefixDigest(file, digest, threads);
      // Before the file is closed.
      all.defer(() => prefix.stop());
      return prefix;
    },
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
}

function sourceFile(name: string): string {
  return fileURLToPath(new URL(`../../../../src/store/blob/${name}`, import.meta.url));
}

describe("the digest of a growing file", () => {
  test.each(["sha256", "sha512"] as const)(
    "is right with %s, however it grows",
    async (algorithm) => {
      await using place = await openPlace();
      const bytes = pseudoRandomBytes(5 * mib + 17, "growing");
      const digest = digestOf(bytes, algorithm);
      const prefix = await place.digestIn(bytes, digest);
      for (const end of [1000, mib, mib + 1, 3 * mib, 3 * mib, 5 * mib]) prefix.grow(end);
      expect(await prefix.finish(bytes.length)).toBe(digest);
    },
  );

  test("takes a large file's bytes through no hash on this thread", async () => {
    await using place = await openPlace();
    const bytes = pseudoRandomBytes(4 * mib, "elsewhere");
    const prefix = await place.digestIn(bytes);
    const expected = digestOf(bytes);
    const update = jest.spyOn(Hash.prototype, "update");
    prefix.grow(2 * mib);
    expect(await prefix.finish(bytes.length)).toBe(expected);
    expect(update).not.toHaveBeenCalled();
  });

  test("begins no thread for a small file", async () => {
    await using place = await openPlace();
    const enter = jest.spyOn(place.threads, "enter");
    for (const size of [0, 1, 256 * 1024]) {
      const bytes = pseudoRandomBytes(size, "small");
      const prefix = await place.digestIn(bytes);
      prefix.grow(size);
      expect(await prefix.finish(size)).toBe(digestOf(bytes));
    }
    expect(enter).not.toHaveBeenCalled();
  });

  test("is that of its own file, however many share a thread", async () => {
    await using place = await openPlace(2);
    const ends = fc.array(fc.nat(100), { maxLength: 5 });
    const files = fc.array(fc.record({ kib: fc.integer({ min: 300, max: 3000 }), ends }), {
      minLength: 1,
      maxLength: 6,
    });
    const property = fc.asyncProperty(files, async (chosen) => {
      const digests = chosen.map(async ({ kib, ends: percents }, index) => {
        const bytes = pseudoRandomBytes(kib * 1024, `file ${index}`);
        const prefix = await place.digestIn(bytes);
        for (const percent of percents.toSorted((a, b) => a - b)) {
          prefix.grow(Math.floor((bytes.length * percent) / 100));
        }
        return { found: await prefix.finish(bytes.length), expected: digestOf(bytes) };
      });
      for (const { found, expected } of await Promise.all(digests)) expect(found).toBe(expected);
    });
    await fc.assert(property, { numRuns: 15 });
  });

  test.each([1000, 2 * mib])("fails where the file is cut short, of %d bytes", async (size) => {
    await using place = await openPlace();
    const prefix = await place.digestIn(Buffer.alloc(size / 2));
    await expect(prefix.finish(size)).rejects.toThrow(`file ends at ${size / 2}`);
  });

  test("tells the file system's code when the file cannot be read", async () => {
    await using place = await openPlace();
    const directory = await open("/", "r");
    const prefix = new PrefixDigest(directory, digestOf(Buffer.alloc(1)), place.threads);
    prefix.grow(2 * mib);
    await expect(prefix.finish(2 * mib)).rejects.toMatchObject({ code: "EISDIR" });
    await prefix.stop();
    await directory.close();
  });

  test("lets go of a file that is far from done, and goes on with the others", async () => {
    await using place = await openPlace();
    const endless = await place.digestIn(Buffer.alloc(0), digestOf(Buffer.alloc(1)), tib);
    const bytes = pseudoRandomBytes(2 * mib, "other");
    const other = await place.digestIn(bytes);
    endless.grow(tib);
    expect(await other.finish(bytes.length)).toBe(digestOf(bytes));
    // By hashing it to its end, an hour from now.
    await endless.stop();
  });
});

describe("a thread that hashes", () => {
  test("and dies fails the files it had, and is replaced for the next ones", async () => {
    await using place = await openPlace();
    const bytes = pseudoRandomBytes(2 * mib, "file");
    const endless = await place.digestIn(Buffer.alloc(0), digestOf(Buffer.alloc(1)), tib);
    const { thread } = place.threads.enter();
    endless.grow(tib);
    const failed = expect(endless.finish(tib)).rejects.toThrow("the thread that hashes it ended");
    await thread[Symbol.asyncDispose]();
    await failed;
    const next = await place.digestIn(bytes);
    expect(await next.finish(bytes.length)).toBe(digestOf(bytes));
    expect(place.threads.enter().thread).not.toBe(thread);
  });

  test("is chosen for having the fewest files", async () => {
    await using place = await openPlace(2);
    const [first, second, third] = [1, 2, 3].map(() => place.threads.enter());
    expect(second?.thread).not.toBe(first?.thread);
    expect([first?.thread, second?.thread]).toContain(third?.thread);
    const fourth = place.threads.enter();
    expect(fourth.thread).not.toBe(third?.thread);
    second?.leave();
    fourth.leave();
    third?.leave();
    expect(place.threads.enter().thread).toBe(second?.thread);
  });

  test("is gone when the threads are disposed of, and no other begins", async () => {
    await using place = await openPlace();
    const endless = await place.digestIn(Buffer.alloc(0), digestOf(Buffer.alloc(1)), tib);
    const failed = expect(endless.finish(tib)).rejects.toThrow("the thread that hashes it ended");
    await place.threads[Symbol.asyncDispose]();
    await failed;
    expect(() => place.threads.enter()).toThrow("closed");
  });

  test.each([
    ["ends with the process where nobody waits for it", "prefix.grow(2 ** 40)", ""],
    [
      "keeps the process alive for somebody who waits",
      "console.log(await prefix.finish(2 ** 23))",
      `${digestOf(Buffer.alloc(8 * mib))}\n`,
    ],
  ])("%s", async (_, work, output) => {
    await using dir = await makeTempDir();
    const file = join(dir.path, "file");
    const script = `
      import { open } from "node:fs/promises";
      import { DigestThreads } from ${JSON.stringify(sourceFile("digest-threads.ts"))};
      import { PrefixDigest } from ${JSON.stringify(sourceFile("prefix-digest.ts"))};
      const file = await open(${JSON.stringify(file)}, "w+");
      await file.truncate(2 ** 40);
      const prefix = new PrefixDigest(file, "sha256:", new DigestThreads());
      ${work};
    `;
    const args = ["--disable-warning=DEP0137", "--input-type=module", "--eval", script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe(output);
  });
});
