import { describe, expect, test } from "@jest/globals";
import { parseManifest } from "../../../src/oci/manifest.ts";
import {
  bareMediaType,
  dockerList,
  dockerManifest,
  manifestAccept,
  ociIndex,
  ociManifest,
} from "../../../src/oci/media-type.ts";

const config = { mediaType: "c", digest: `sha256:${"c".repeat(64)}`, size: 2 };
const layer = { mediaType: "l", digest: `sha256:${"1".repeat(64)}`, size: 0 };
const child = { mediaType: ociManifest, digest: `sha512:${"2".repeat(128)}`, size: 7 };
const manifest = { schemaVersion: 2, config, layers: [layer, layer] };
const index = { schemaVersion: 2, manifests: [child] };

function parse(document: unknown, contentType: string) {
  return parseManifest(Buffer.from(JSON.stringify(document)), contentType);
}

describe("a manifest", () => {
  test.each([ociManifest, dockerManifest])("of type %s names config and layers", (mediaType) => {
    expect(parse(manifest, mediaType)).toEqual({
      mediaType,
      blobs: [config, layer, layer],
      manifests: [],
    });
  });

  test.each([ociIndex, dockerList])("of type %s names its children", (mediaType) => {
    expect(parse(index, mediaType)).toEqual({ mediaType, blobs: [], manifests: [child] });
  });

  test.each([
    ["its own word", "text/plain", { ...manifest, mediaType: dockerManifest }, dockerManifest],
    ["layers", "application/json", manifest, ociManifest],
    ["children", "", index, ociIndex],
    ["children before a foreign word", "", { ...index, mediaType: "text/html" }, ociIndex],
  ])("that came under no useful type shows it by %s", (_, sent, document, mediaType) => {
    expect(parse(document, sent).mediaType).toBe(mediaType);
  });

  test.each([
    [
      { os: "linux", architecture: "arm", variant: "v7", "os.version": "1" },
      { os: "linux", architecture: "arm", variant: "v7" },
    ],
    [
      { os: "linux", architecture: "amd64", variant: "" },
      { os: "linux", architecture: "amd64" },
    ],
    [{ os: "linux" }, undefined],
    ["linux/amd64", undefined],
    [null, undefined],
  ])("an index's child with platform %j runs on %j", (platform, expected) => {
    const { manifests } = parse({ ...index, manifests: [{ ...child, platform }] }, ociIndex);
    expect(manifests).toEqual([{ ...child, ...(expected && { platform: expected }) }]);
  });

  test.each([
    ["a manifest", manifest, ociManifest],
    ["an index", index, ociIndex],
  ])("knows what it is about, as %s", (_, document, type) => {
    expect(parse({ ...document, subject: child }, type).subject).toBe(child.digest);
    expect(parse(document, type).subject).toBeUndefined();
  });

  test.each([["sha256:12"], [{ digest: "sha256:12" }], [{ digest: 5 }], [null]])(
    "is about nothing where its subject is %j",
    (subject) => {
      expect(parse({ ...manifest, subject }, ociManifest).subject).toBeUndefined();
    },
  );

  test("has the type it was sent as, without parameters", () => {
    expect(parse(manifest, `${ociManifest}; charset=utf-8`).mediaType).toBe(ociManifest);
  });

  test("may have neither layers nor config, nor children", () => {
    expect(parse({ schemaVersion: 2, layers: null }, ociManifest).blobs).toEqual([]);
    expect(parse({ schemaVersion: 2 }, ociIndex).manifests).toEqual([]);
  });

  test.each([
    ["HTML", Buffer.from("<html>"), "text/html"],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), ociManifest],
    ["a list", Buffer.from("[]"), ociManifest],
    ["null", Buffer.from("null"), ociManifest],
    ["schema version 1", Buffer.from('{"schemaVersion":1}'), ociManifest],
    ["no shape", Buffer.from('{"schemaVersion":2}'), "text/plain"],
    ["layers that are no list", Buffer.from('{"schemaVersion":2,"layers":{}}'), ociManifest],
    ["a descriptor that is none", Buffer.from('{"schemaVersion":2,"layers":[1]}'), ociManifest],
  ])("is not %s", (_, bytes, contentType) => {
    expect(() => parseManifest(bytes, contentType)).toThrow(
      expect.objectContaining({ code: "MANIFEST_INVALID" }),
    );
  });

  test.each([{ size: -1 }, { size: 1.5 }, { size: "2" }, { digest: "sha256:abc" }])(
    "has no descriptor with %p",
    (fault) => {
      expect(() => parse({ ...manifest, layers: [{ ...layer, ...fault }] }, ociManifest)).toThrow(
        expect.objectContaining({ code: "MANIFEST_INVALID" }),
      );
    },
  );
});

describe("media types", () => {
  test("lose parameters, blanks and upper case", () => {
    expect(bareMediaType(" Application/JSON ; charset=UTF-8")).toBe("application/json");
    expect(bareMediaType("")).toBe("");
  });

  test("asked for upstream are all six", () => {
    expect(manifestAccept.split(", ")).toHaveLength(6);
  });
});
