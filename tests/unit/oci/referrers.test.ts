import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { digestOf, parseDigest } from "../../../src/oci/digest.ts";
import { dockerList, ociIndex, ociManifest } from "../../../src/oci/media-type.ts";
import { parseTag } from "../../../src/oci/reference.ts";
import type { Referrer } from "../../../src/oci/referrer.ts";
import {
  describeReferrer,
  filterByArtifactType,
  formatReferrers,
  parseReferrers,
} from "../../../src/oci/referrers.ts";
import { findTagSubject, referrersTag } from "../../../src/oci/referrers-tag.ts";
import { makeManifest } from "../../support/images.ts";

const hex = "a".repeat(64);
const digest = parseDigest(`sha256:${hex}`);
const long = parseDigest(`sha512:${hex}${"b".repeat(64)}`);
const plain = { mediaType: ociManifest, digest, size: 7 };
const full = { ...plain, artifactType: "application/spdx+json", annotations: { by: "me" } };

function parse(document: unknown): Referrer[] {
  return parseReferrers(Buffer.from(JSON.stringify(document)));
}

function index(...manifests: unknown[]) {
  return { schemaVersion: 2, mediaType: ociIndex, manifests };
}

/** The one key that objects do not keep as it is. */
const annotationKey = fc.string().filter((key) => key !== "__proto__");

const anyReferrer = fc
  .record(
    {
      mediaType: fc.string({ minLength: 1 }),
      content: fc.uint8Array(),
      size: fc.maxSafeNat(),
      artifactType: fc.string({ minLength: 1 }),
      annotations: fc.dictionary(annotationKey, fc.string(), { noNullPrototype: true }),
    },
    { requiredKeys: ["mediaType", "content", "size"] },
  )
  .map(({ content, ...rest }): Referrer => ({ ...rest, digest: digestOf(content) }));

describe("a list of referrers", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(fc.array(anyReferrer), (referrers) => {
        expect(parseReferrers(formatReferrers(referrers))).toEqual(referrers);
      }),
    );
  });

  test("is an OCI index, also when it is empty", () => {
    expect(JSON.parse(formatReferrers([]).toString())).toEqual(index());
  });

  test("has of each entry what the API shows, and nothing else", () => {
    const platform = { os: "linux", architecture: "amd64" };
    expect(parse(index({ ...full, platform, urls: ["http://x"] }, plain))).toEqual([full, plain]);
  });

  test("may say null or nothing for what is empty", () => {
    expect(parse({ schemaVersion: 2 })).toEqual([]);
    expect(parse({ schemaVersion: 2, mediaType: null, manifests: null })).toEqual([]);
    const entry = { ...plain, artifactType: "", annotations: null };
    expect(parse(index(entry))).toEqual([plain]);
  });

  test("may be a Docker list, as some clients put under the referrers tag", () => {
    expect(parse({ ...index(plain), mediaType: dockerList })).toEqual([plain]);
  });

  test.each<[string, unknown]>([
    ["a list", []],
    ["null", null],
    ["schema version 1", { ...index(), schemaVersion: 1 }],
    ["a manifest", { ...index(), mediaType: ociManifest }],
    ["entries that are no list", { schemaVersion: 2, manifests: {} }],
    ["an entry that is none", index(null)],
    ["an entry without media type", index({ digest, size: 7 })],
    ["an entry of an empty media type", index({ ...plain, mediaType: "" })],
    ["an entry without digest", index({ ...plain, digest: undefined })],
    ["an entry of a wrong digest", index({ ...plain, digest: "sha256:12" })],
    ["an entry of negative size", index({ ...plain, size: -1 })],
    ["an entry of a broken size", index({ ...plain, size: 1.5 })],
    ["an entry of a size as text", index({ ...plain, size: "7" })],
    ["an entry with annotations of numbers", index({ ...plain, annotations: { a: 1 } })],
    ["an entry with a list of artifact types", index({ ...plain, artifactType: ["a"] })],
    ["more entries than anybody has", index(...Array.from({ length: 10_001 }, () => plain))],
  ])("is not %s", (_, document) => {
    expect(() => parse(document)).toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  });

  test.each([
    ["HTML", Buffer.from("<html>")],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
  ])("is not %s", (_, bytes) => {
    expect(() => parseReferrers(bytes)).toThrow(
      expect.objectContaining({ code: "MANIFEST_INVALID" }),
    );
  });

  test("that is none says where", () => {
    expect(() => parse(index(plain, { ...plain, digest: "sha256:12" }))).toThrow(
      "list of referrers is no OCI index: manifests.1.digest: is no sha256 or sha512 digest",
    );
  });

  test("can be filtered by artifact type", () => {
    expect(filterByArtifactType([full, plain], "application/spdx+json")).toEqual([full]);
    expect(filterByArtifactType([full, plain], "application/spdx")).toEqual([]);
  });
});

describe("a manifest as the API lists it", () => {
  const config = { mediaType: "application/vnd.config", digest, size: 2 };
  const annotations = { by: "me" };

  test.each<[string, string, object, object]>([
    ["its artifact type", ociManifest, { artifactType: "a/b", config }, { artifactType: "a/b" }],
    ["its config's type", ociManifest, { config }, { artifactType: config.mediaType }],
    [
      "its config's type if its own is empty",
      ociManifest,
      { artifactType: "", config },
      { artifactType: config.mediaType },
    ],
    ["no type as an index", ociIndex, { config, manifests: [] }, {}],
    ["its own type as an index", ociIndex, { artifactType: "a/b" }, { artifactType: "a/b" }],
    ["its annotations", ociManifest, { annotations }, { annotations }],
    ["no annotations that are none", ociManifest, { annotations: { by: 1 } }, {}],
  ])("has %s", (_, mediaType, content, expected) => {
    const manifest = makeManifest(mediaType, content);
    const { bytes, digest: own } = manifest;
    const descriptor = { mediaType, digest: own, size: bytes.length };
    expect(describeReferrer(manifest)).toEqual({ ...descriptor, ...expected });
  });
});

describe("the referrers tag", () => {
  test("is algorithm and digits, of which there are at most 64", () => {
    expect(referrersTag(digest)).toBe(`sha256-${hex}`);
    expect(referrersTag(long)).toBe(`sha512-${hex}`);
  });

  test.each(["", ".sig", ".att", ".sbom"])("with ending %p says what it is about", (ending) => {
    expect(findTagSubject(parseTag(`sha256-${hex}${ending}`))).toBe(digest);
  });

  test.each([
    `sha256-${hex}.txt`,
    `sha256-${hex}0`,
    `sha256-${hex.slice(1)}`,
    `sha256-${hex.toUpperCase()}`,
    `sha512-${hex}`,
    `v1-sha256-${hex}`,
    "latest",
  ])("is not %s", (text) => {
    expect(findTagSubject(parseTag(text))).toBeUndefined();
  });
});
