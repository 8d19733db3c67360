import { describe, expect, test } from "@jest/globals";
import { answerReferrers } from "../../../src/http/v2/referrers.ts";
import { ociIndex, ociManifest } from "../../../src/oci/media-type.ts";
import { makeBlob } from "../../support/images.ts";
import { MemoryRepository } from "../../support/memory-repository.ts";

const { digest } = makeBlob(1, "subject");
const sbom = {
  mediaType: ociManifest,
  digest: makeBlob(2, "sbom").digest,
  size: 2,
  artifactType: "application/spdx+json",
  annotations: { "org.example": "ü" },
};
const signature = { mediaType: ociManifest, digest: makeBlob(3, "signature").digest, size: 3 };

/** Route, headers and what the body lists. */
async function answer(repository: MemoryRepository, artifactType?: string) {
  const { body, ...reply } = await answerReferrers(repository, { digest, artifactType });
  if (!(body instanceof Uint8Array)) throw new Error("there is no body");
  const index = JSON.parse(Buffer.from(body).toString());
  return { ...reply, index, length: body.length };
}

function makeRepository(): MemoryRepository {
  const repository = new MemoryRepository();
  repository.addReferrer(digest, sbom);
  repository.addReferrer(digest, signature);
  return repository;
}

describe("an answer of the referrers API", () => {
  test("is an index of all, with its exact type and length", async () => {
    const { status, headers, cache, index, length } = await answer(makeRepository());
    expect({ status, cache }).toEqual({ status: 200, cache: "HIT" });
    expect(headers).toEqual({ "Content-Type": ociIndex, "Content-Length": length });
    expect(index).toEqual({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [sbom, signature],
    });
  });

  test("says that it is filtered, also when nothing is left", async () => {
    for (const [artifactType, manifests] of [
      [sbom.artifactType, [sbom]],
      ["application/other", []],
    ] as const) {
      const { headers, index } = await answer(makeRepository(), artifactType);
      expect(headers["OCI-Filters-Applied"]).toBe("artifactType");
      expect(index.manifests).toEqual(manifests);
    }
  });

  test("is an empty index where nothing refers to the digest", async () => {
    const { status, index } = await answer(new MemoryRepository());
    expect({ status, manifests: index.manifests }).toEqual({ status: 200, manifests: [] });
  });

  test("says so when it is stale", async () => {
    const repository = makeRepository();
    repository.provenance = { cache: "STALE", warning: "docker.io is away", ageMs: 90_500 };
    const { headers, cache } = await answer(repository);
    expect(cache).toBe("STALE");
    expect(headers).toMatchObject({ Warning: '299 - "docker.io is away"', Age: 90 });
  });
});
