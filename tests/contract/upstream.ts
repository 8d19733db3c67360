import { describe, expect, test } from "@jest/globals";
import { parseReference } from "../../src/oci/reference.ts";
import { parseRepositoryName } from "../../src/oci/repository-name.ts";
import { UpstreamError, type RemoteBlob, type Upstream } from "../../src/upstream/upstream.ts";
import { readRemote } from "../support/remote-blob-chunks.ts";
import { makeBlob, makeImage, type TestBlob, type TestImage } from "../support/images.ts";

/** An upstream with nothing in it yet, and a way to put something there. */
export interface UpstreamUnderTest extends AsyncDisposable {
  upstream: Upstream;
  addImage(name: string, tag: string, image: TestImage): void;
  addBlob(name: string, blob: TestBlob): void;
}

const name = parseRepositoryName("team/app");
const never = new AbortController().signal;
const whole = { start: 0, end: undefined };

/** What every Upstream has in common, whatever it speaks. */
export function describeUpstream(
  implementation: string,
  open: () => Promise<UpstreamUnderTest>,
): void {
  describe(`${implementation}: manifests`, () => {
    const image = makeImage();
    const tag = parseReference("v1");
    const digest = parseReference(image.manifest.digest);

    test("come with the bytes, media type and digest they have upstream", async () => {
      await using subject = await open();
      subject.addImage(name, "v1", image);

      for (const reference of [tag, digest]) {
        const manifest = await subject.upstream.getManifest(name, reference);
        expect(manifest?.mediaType).toBe(image.manifest.mediaType);
        expect(manifest?.digest).toBe(image.manifest.digest);
        expect(Buffer.from(manifest?.bytes ?? [])).toEqual(image.manifest.bytes);
      }
    });

    test("can be asked for their digest alone", async () => {
      await using subject = await open();
      subject.addImage(name, "v1", image);

      for (const reference of [tag, digest]) {
        const head = await subject.upstream.headManifest(name, reference);
        expect(head?.digest).toBe(image.manifest.digest);
      }
    });

    test("that are not there are undefined", async () => {
      await using subject = await open();
      subject.addImage(name, "v1", image);

      for (const reference of [parseReference("v2"), parseReference(makeBlob(1).digest)]) {
        expect(await subject.upstream.getManifest(name, reference)).toBeUndefined();
        expect(await subject.upstream.headManifest(name, reference)).toBeUndefined();
      }
    });
  });

  describe(`${implementation}: blobs`, () => {
    const blob = makeBlob(200_000);

    test.each([
      ["whole", whole],
      ["from a position on", { start: 1000, end: undefined }],
      ["from a position to another", { start: 1000, end: 150_001 }],
      ["from the start to a position", { start: 0, end: 1 }],
      ["the last byte only", { start: 199_999, end: 200_000 }],
    ])("come %s", async (_, range) => {
      await using subject = await open();
      subject.addBlob(name, blob);

      const remote = await openBlob(subject.upstream, blob, range);
      expect(remote.offset).toBe(range.start);
      expect(remote.size).toBe(200_000);
      const expected = blob.bytes.subarray(range.start, range.end);
      expect((await readRemote(remote)).equals(expected)).toBe(true);
    });

    test("may be empty", async () => {
      await using subject = await open();
      const empty = makeBlob(0);
      subject.addBlob(name, empty);

      expect(await subject.upstream.headBlob(name, empty.digest)).toEqual({ size: 0 });
      const remote = await openBlob(subject.upstream, empty, whole);
      expect(remote.size).toBe(0);
      expect(await readRemote(remote)).toHaveLength(0);
    });

    test("can be asked for their size alone", async () => {
      await using subject = await open();
      subject.addBlob(name, blob);

      expect(await subject.upstream.headBlob(name, blob.digest)).toEqual({ size: 200_000 });
    });

    test("that are not there are undefined", async () => {
      await using subject = await open();
      subject.addBlob(name, makeBlob(1));

      expect(await subject.upstream.headBlob(name, blob.digest)).toBeUndefined();
      expect(await subject.upstream.openBlob(name, blob.digest, whole, never)).toBeUndefined();
    });

    test("fail with the signal's reason once it is aborted, while they are read and before", async () => {
      await using subject = await open();
      subject.addBlob(name, blob);
      const controller = new AbortController();
      const remote = await openBlob(subject.upstream, blob, whole, controller.signal);
      const reading = expect(readRemote(remote)).rejects.toThrow("enough");
      controller.abort(new Error("enough"));
      await reading;

      await expect(openBlob(subject.upstream, blob, whole, controller.signal)).rejects.toThrow(
        "enough",
      );
    });

    test("can be closed at any time, more than once, and give no more bytes then", async () => {
      await using subject = await open();
      subject.addBlob(name, blob);
      const remote = await openBlob(subject.upstream, blob, whole);
      remote.close();
      remote.close();
      await expect(readRemote(remote)).rejects.toThrow(UpstreamError);

      const finished = await openBlob(subject.upstream, blob, whole);
      await readRemote(finished);
      finished.close();
    });
  });

  describe(`${implementation}: tags`, () => {
    test("come in pages, each with the query of the next", async () => {
      await using subject = await open();
      for (const tag of ["a", "b", "c"]) subject.addImage(name, tag, makeImage());

      const first = await subject.upstream.listTags(name, new URLSearchParams("n=2"));
      expect(first?.tags).toEqual(["a", "b"]);
      const next = new URLSearchParams(first?.next);
      expect(await subject.upstream.listTags(name, next)).toEqual({ tags: ["c"], next: undefined });
    });

    test("of a repository that is not there are undefined", async () => {
      await using subject = await open();
      expect(await subject.upstream.listTags(name, new URLSearchParams())).toBeUndefined();
    });
  });

  describe(`${implementation}: what is told of it`, () => {
    test("counts its requests, and names who sent a blob as it is named there", async () => {
      await using subject = await open();
      const blob = makeBlob(1000);
      subject.addBlob(name, blob);
      const remote = await openBlob(subject.upstream, blob, whole);
      await readRemote(remote);
      const { host, endpoints } = subject.upstream.describe();
      expect(host).toBe(subject.upstream.host);
      const senders = endpoints.filter(({ url }) => remote.endpoints.includes(url));
      expect(senders).toHaveLength(remote.endpoints.length);
      for (const sender of senders) expect(sender).toMatchObject({ state: "ok", lies: 0 });

      subject.upstream.distrust(remote.endpoints);
      const blamed = subject.upstream.describe().endpoints.filter(({ lies }) => lies === 1);
      expect(blamed.map(({ url }) => url)).toEqual(remote.endpoints);
    });
  });

  describe(`${implementation}: the end`, () => {
    test("is an UpstreamError for whatever still runs, and for what comes later", async () => {
      await using subject = await open();
      const blob = makeBlob(10_000_000);
      subject.addBlob(name, blob);
      const remote = await openBlob(subject.upstream, blob, whole);
      const reading = expect(readRemote(remote)).rejects.toThrow(UpstreamError);
      await subject.upstream[Symbol.asyncDispose]();
      await reading;
      await expect(subject.upstream.headBlob(name, blob.digest)).rejects.toThrow(UpstreamError);
    });
  });
}

async function openBlob(
  upstream: Upstream,
  blob: TestBlob,
  range: { start: number; end: number | undefined },
  signal = never,
): Promise<RemoteBlob> {
  const remote = await upstream.openBlob(name, blob.digest, range, signal);
  if (!remote) throw new Error("the blob is not there");
  return remote;
}
