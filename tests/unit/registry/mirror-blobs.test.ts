import { describe, expect, test } from "@jest/globals";
import { MirrorBlobs } from "../../../src/registry/mirror-blobs.ts";
import type { MirroredName } from "../../../src/registry/mirror-manifests.ts";
import { NegativeAnswers } from "../../../src/registry/negative-answers.ts";
import { makeBlob } from "../../support/images.ts";
import { readBytes } from "../../support/read-blob.ts";
import { mirroredName, RegistryParts } from "../../support/registry-parts.ts";

const blob = makeBlob(200_000);
const app = mirroredName("library/app");
const stranger = mirroredName("library/stranger");

/** Repositories of an upstream of which `library/app` alone has the blob. */
async function startMirrorBlobs() {
  const parts = await RegistryParts.start();
  parts.registry.addBlob("library/app", blob);
  const negative = new NegativeAnswers({ clock: parts.clock, ttlMs: 10_000 });
  const blobs = new MirrorBlobs({ ...pick(parts), negative });
  return { parts, blobs, [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose]() };
}

function pick({ upstream, metadata, stored, downloads, clock }: RegistryParts) {
  return { upstream, metadata, stored, downloads, clock };
}

/** The metadata store answers for one repository only when told, after the disk was looked at. */
function delayAnswers({ metadata }: RegistryParts, { key }: MirroredName) {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const find = metadata.findDescribedSize.bind(metadata);
  metadata.findDescribedSize = async (repository, digest) => {
    if (repository === key) {
      asked.resolve();
      await released.promise;
    }
    return find(repository, digest);
  };
  return { asked: asked.promise, release: released.resolve };
}

async function readWhole(blobs: MirrorBlobs, repository: MirroredName): Promise<Buffer> {
  const answer = await blobs.open(repository, blob.digest);
  if (!answer) throw new Error("the blob is not there");
  await using reader = answer.reader;
  return await readBytes(reader);
}

describe("a repository that upstream has not given a blob from", () => {
  test("does not get it by joining the download of another one, however late that begins", async () => {
    await using world = await startMirrorBlobs();
    const { parts, blobs } = world;
    const delay = delayAnswers(parts, stranger);
    const hold = parts.registry.inject({ method: "GET" }, { hold: true });
    const asking = blobs.open(stranger, blob.digest);
    await delay.asked;
    const whole = readWhole(blobs, app);
    await hold.reached;
    delay.release();
    expect(await asking).toBeUndefined();
    hold.release();
    expect((await whole).equals(blob.bytes)).toBe(true);
    expect((await parts.metadata.findBlob(stranger.key, blob.digest)).linked).toBe(false);
  });

  test("does not get it when another one's download ends before its own begins", async () => {
    await using world = await startMirrorBlobs();
    const { parts, blobs } = world;
    const delay = delayAnswers(parts, stranger);
    const asking = blobs.open(stranger, blob.digest);
    await delay.asked;
    expect((await readWhole(blobs, app)).equals(blob.bytes)).toBe(true);
    await parts.downloads.find(blob.digest)?.finished;
    delay.release();
    expect(await asking).toBeUndefined();
    expect((await parts.metadata.findBlob(stranger.key, blob.digest)).linked).toBe(false);
  });
});
