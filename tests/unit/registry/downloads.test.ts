import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { blobSource } from "../../../src/registry/blob-source.ts";
import type { Download } from "../../../src/registry/download.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeBlob } from "../../support/images.ts";
import { mirroredName, RegistryParts } from "../../support/registry-parts.ts";
import { listOpenBlobFiles, partialFile } from "../../support/storage-files.ts";

const blob = makeBlob(200_000);
const app = mirroredName("library/app");

function begin(parts: RegistryParts, digest = blob.digest): Promise<Download> {
  return parts.downloads.join(blobSource(parts.upstream, app, digest), undefined);
}

/** Puts something in the place of the partial blob that is not so easily removed. */
async function makeIrremovable(storage: string): Promise<void> {
  const path = partialFile(storage, blob.digest);
  await rm(path);
  await mkdir(join(path, "directory"), { recursive: true });
}

describe("a download whose remains cannot be removed", () => {
  test.each<[string, Fault]>([
    ["upstream does not have the blob", { status: 404 }],
    ["upstream refuses", { status: 403 }],
    ["upstream sends other bytes", { flipByteAt: 0 }],
  ])("is over all the same when %s", async (_, fault) => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    const hold = parts.registry.inject({ kind: "blob" }, { hold: true, ...fault });
    const download = await begin(parts);
    await hold.reached;
    await makeIrremovable(parts.storage);
    hold.release();
    await expect(download.finished).resolves.toBeUndefined();
    expect(parts.downloads.storageFailure?.message).toContain("removing a partial blob failed");
    expect(await listOpenBlobFiles(parts.storage)).toEqual([]);
  });
});

describe("Downloads", () => {
  test("have one download a digest, and a new one only when the old one is over", async () => {
    await using parts = await RegistryParts.start();
    const hold = parts.registry.inject({ kind: "blob" }, { hold: true, times: 1 });
    const [first, second] = await Promise.all([begin(parts), begin(parts)]);
    expect(second).toBe(first);
    await hold.reached;
    hold.release();
    expect(await first.opened).toEqual({ kind: "absent" });
    await first.finished;
    expect(first.isOver).toBe(true);
    expect(await begin(parts)).not.toBe(first);
  });

  test("find a blob that came while its download was being asked for", async () => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    const first = await begin(parts);
    await first.finished;
    const second = await begin(parts);
    expect(await second.opened).toEqual({ kind: "stored" });
    expect(second.read()).toBeUndefined();
    expect(parts.registry.journal.entries).toHaveLength(1);
  });

  test("begin nothing once they are being stopped", async () => {
    await using parts = await RegistryParts.start();
    const hold = parts.registry.inject({ kind: "blob" }, { hold: true });
    const running = await begin(parts);
    await hold.reached;
    const refusal = expect(running.opened).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const stopped = parts.downloads[Symbol.asyncDispose]();
    const other = makeBlob(10);
    await expect(begin(parts, other.digest)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await stopped;
    await refusal;
    expect(parts.downloads.find(blob.digest)).toBeUndefined();
  });
});
