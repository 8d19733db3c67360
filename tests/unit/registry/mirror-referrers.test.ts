import { describe, expect, test } from "@jest/globals";
import { digestHex } from "../../../src/oci/digest.ts";
import type { Referrer } from "../../../src/oci/referrer.ts";
import type { ReferrersAnswer } from "../../../src/registry/repository.ts";
import { MetadataError } from "../../../src/store/metadata/metadata-error.ts";
import { UpstreamError } from "../../../src/upstream/upstream.ts";
import { rule } from "../../support/cached-content.ts";
import {
  listedAs,
  makeReferrer,
  makeReferrersIndex,
} from "../../support/fake-registry-referrers.ts";
import { makeImage, makeManifest } from "../../support/images.ts";
import { app, mirroredName, MirrorWorld, type MirrorWorldOptions } from "./mirror-world.ts";

const subject = makeImage().manifest;
const { digest } = subject;
const tag = `sha256-${digestHex(digest)}`;
const signature = makeReferrer(subject, { seed: "signature" });
const sbom = makeReferrer(subject, { seed: "sbom" });
const away = new UpstreamError("unreachable", "connection refused");
const question = `listReferrers library/app ${digest}`;

/** An upstream with the API that lists the signature. */
function startWithApi(options?: MirrorWorldOptions): MirrorWorld {
  const world = new MirrorWorld(options);
  world.upstream.setReferrers("library/app", digest, [listedAs(signature)]);
  return world;
}

/** One without, whose repository has the subject and the signature's entry under the tag. */
async function startWithTag(options?: MirrorWorldOptions): Promise<MirrorWorld> {
  const world = new MirrorWorld(options);
  world.upstream.hasReferrersApi = false;
  await world.pull(subject);
  world.upstream.addManifest("library/app", makeReferrersIndex([signature]), tag);
  return world;
}

function digestsOf({ referrers }: { referrers: Referrer[] }): string[] {
  return referrers.map((referrer) => referrer.digest);
}

function list(world: MirrorWorld): Promise<ReferrersAnswer> {
  return world.referrers.list(app, digest);
}

describe("referrers of an upstream with the API", () => {
  test("are upstream's answer, which is not asked for again while it is fresh", async () => {
    await using world = startWithApi();
    expect(await list(world)).toEqual({ referrers: [listedAs(signature)], cache: "MISS" });
    expect(await list(world)).toEqual({ referrers: [listedAs(signature)], cache: "HIT" });
    expect(world.upstream.calls).toEqual([question]);
  });

  test("are asked for anew when they are not fresh any more", async () => {
    await using world = startWithApi();
    await list(world);
    world.upstream.setReferrers("library/app", digest, []);
    world.clock.advance(60_000);
    expect(await list(world)).toEqual({ referrers: [], cache: "MISS" });
  });

  test("are fresh for as long as the repository's rules say", async () => {
    const rules = [rule("docker.io/library/app", { revalidateAfterMs: 3_600_000 })];
    await using world = startWithApi({ rules });
    await list(world);
    world.clock.advance(3_500_000);
    expect((await list(world)).cache).toBe("HIT");
  });

  test("are none where it lists none, whatever is here", async () => {
    await using world = startWithApi();
    await world.pull(signature);
    world.upstream.setReferrers("library/app", digest, []);
    expect(await list(world)).toEqual({ referrers: [], cache: "MISS" });
  });

  test("are one question for all who ask at the same time", async () => {
    await using world = startWithApi();
    const answers = await Promise.all([list(world), list(world), list(world)]);
    expect(answers.flatMap(digestsOf)).toEqual(Array(3).fill(signature.digest));
    expect(world.upstream.calls).toEqual([question]);
  });

  test("of one repository are not told to another", async () => {
    await using world = startWithApi();
    await list(world);
    const other = await world.referrers.list(mirroredName("library/other"), digest);
    expect(other.referrers).toEqual([]);
  });

  test("are refused where upstream denies access", async () => {
    await using world = startWithApi();
    await list(world);
    world.clock.advance(60_000);
    world.upstream.failure = new UpstreamError("denied", "no");
    await expect(list(world)).rejects.toThrow("no");
  });
});

describe("referrers of an upstream without the API", () => {
  test("are what the referrers tag lists", async () => {
    await using world = await startWithTag();
    expect(await list(world)).toEqual({ referrers: [listedAs(signature)], cache: "MISS" });
    expect(await list(world)).toEqual({ referrers: [listedAs(signature)], cache: "HIT" });
  });

  test("cost one request each once it is known that there is none", async () => {
    await using world = await startWithTag();
    await list(world);
    expect(world.upstream.calls[0]).toBe(question);
    world.upstream.calls.length = 0;
    world.clock.advance(60_000);
    expect((await list(world)).cache).toBe("REVALIDATED");
    await world.referrers.list(app, sbom.digest);
    expect(world.upstream.calls).toEqual([
      `headManifest library/app ${tag}`,
      `headManifest library/app sha256-${digestHex(sbom.digest)}`,
    ]);
  });

  test("are found by the API once it has one", async () => {
    await using world = await startWithTag();
    await list(world);
    world.upstream.hasReferrersApi = true;
    world.upstream.setReferrers("library/app", digest, [listedAs(sbom)]);
    world.clock.advance(600_000);
    expect(digestsOf(await list(world))).toEqual([sbom.digest]);
  });

  test("are none where there is no such tag, which is not asked for again at once", async () => {
    await using world = await startWithTag();
    world.upstream.deleteTag("library/app", tag);
    expect(await list(world)).toEqual({ referrers: [], cache: "MISS" });
    expect((await list(world)).referrers).toEqual([]);
    expect(world.upstream.calls).toEqual([question, `headManifest library/app ${tag}`]);
  });

  test("are none where the tag is no index", async () => {
    await using world = await startWithTag();
    world.upstream.addManifest("library/app", signature, tag);
    expect((await list(world)).referrers).toEqual([]);
  });

  test("are an error where the tag's index is none that lists referrers", async () => {
    await using world = await startWithTag();
    const { mediaType, bytes } = makeReferrersIndex([signature]);
    const untyped = JSON.parse(Buffer.from(bytes).toString().replace(signature.mediaType, ""));
    world.upstream.addManifest("library/app", makeManifest(mediaType, untyped), tag);
    await expect(list(world)).rejects.toMatchObject({ failure: "invalid" });
  });

  test("are not asked for by a tag that rules deny", async () => {
    const rules = [rule(`docker.io/library/app:sha256-*`, { deny: true })];
    await using world = await startWithTag({ rules });
    expect((await list(world)).referrers).toEqual([]);
    expect(world.upstream.calls).toEqual([question]);
  });

  test("of a repository that may not exist do not make it one without the API", async () => {
    await using world = startWithApi();
    await world.referrers.list(mirroredName("library/missing"), digest);
    expect(digestsOf(await list(world))).toEqual([signature.digest]);
  });

  test("of a repository that is gone do not make it one without the API", async () => {
    await using world = startWithApi();
    const gone = mirroredName("library/gone");
    await world.pull(subject, gone);
    await list(world);
    await world.referrers.list(gone, digest);
    world.clock.advance(60_000);
    expect((await list(world)).cache).toBe("MISS");
    expect(world.upstream.calls.at(-1)).toBe(question);
  });
});

describe("referrers while upstream is away", () => {
  test("are those that it last listed", async () => {
    await using world = startWithApi();
    await list(world);
    world.clock.advance(3_600_000);
    world.upstream.failure = away;
    const answer = await list(world);
    expect(answer).toMatchObject({ referrers: [listedAs(signature)], cache: "STALE" });
    expect(answer.warning).toBe("docker.io cannot be reached; this is what it last had");
    expect(answer.ageMs).toBeGreaterThanOrEqual(3_600_000);
  });

  test("are none where it last listed none", async () => {
    await using world = startWithApi();
    world.upstream.setReferrers("library/app", digest, []);
    await list(world);
    world.clock.advance(60_000);
    world.upstream.failure = away;
    expect(await list(world)).toMatchObject({ referrers: [], cache: "STALE" });
  });

  test("are those that are here, with those that it last listed", async () => {
    await using world = startWithApi();
    await list(world);
    await world.pull(sbom);
    await world.pull(signature);
    world.clock.advance(60_000);
    world.upstream.failure = away;
    expect(digestsOf(await list(world))).toEqual([signature.digest, sbom.digest]);
  });

  test("are described as the API does where they are only here", async () => {
    await using world = new MirrorWorld();
    const details = { artifactType: "application/spdx+json", annotations: { by: "me" } };
    const described = makeReferrer(subject, details);
    await world.pull(described);
    world.upstream.failure = away;
    const { ageMs, ...answer } = await list(world);
    expect(answer).toMatchObject({ referrers: [listedAs(described, details)], cache: "STALE" });
    expect(ageMs).toBeUndefined();
  });

  test("are not those that only another repository may read", async () => {
    await using world = new MirrorWorld();
    await world.pull(signature, mirroredName("library/other"));
    world.upstream.failure = away;
    await expect(list(world)).rejects.toBe(away);
  });

  test("are what the referrers tag last listed, also when the API is asked first", async () => {
    await using world = await startWithTag();
    await list(world);
    world.clock.advance(3_600_000);
    world.upstream.failure = away;
    expect(await list(world)).toMatchObject({
      referrers: [listedAs(signature)],
      cache: "STALE",
      warning: "docker.io cannot be reached; this is what it last had",
      ageMs: expect.any(Number),
    });
  });

  test("are not those that it listed longer ago than may be served", async () => {
    await using world = startWithApi({ tags: { serveStaleForMs: 3_600_000 } });
    await list(world);
    world.clock.advance(3_700_000);
    world.upstream.failure = away;
    await expect(list(world)).rejects.toBe(away);
  });

  test("are its failure where nothing is known", async () => {
    await using world = startWithApi();
    world.upstream.failure = away;
    await expect(list(world)).rejects.toBe(away);
  });

  test("are its failure where what is here cannot be found out", async () => {
    await using world = startWithApi();
    await world.pull(signature);
    world.metadata.inventory.listReferrers = () =>
      Promise.reject(new MetadataError("failed", "malformed"));
    world.upstream.failure = away;
    await expect(list(world)).rejects.toBe(away);
  });
});

describe("referrers while upstream dawdles", () => {
  test("are those that it last listed, and it is not asked twice", async () => {
    await using world = startWithApi({ revalidateTimeoutMs: 20 });
    await list(world);
    world.clock.advance(60_000);
    const held = Promise.withResolvers<void>();
    world.upstream.beforeAnswer = () => held.promise;
    world.upstream.setReferrers("library/app", digest, [listedAs(sbom)]);
    expect(await list(world)).toMatchObject({
      referrers: [listedAs(signature)],
      cache: "STALE",
      warning: "docker.io takes too long to answer; this is what it last had",
    });
    const asked = list(world);
    held.resolve();
    expect(digestsOf(await asked)).toEqual([sbom.digest]);
    expect(world.upstream.calls).toEqual([question, question]);
  });

  test("are waited for where nothing can stand in", async () => {
    await using world = startWithApi({ revalidateTimeoutMs: 1 });
    const held = Promise.withResolvers<void>();
    world.upstream.beforeAnswer = () => held.promise;
    const inventory = world.metadata.inventory.listReferrers.bind(world.metadata.inventory);
    world.metadata.inventory.listReferrers = (asked) => {
      held.resolve();
      return inventory(asked);
    };
    expect(digestsOf(await list(world))).toEqual([signature.digest]);
  });
});
