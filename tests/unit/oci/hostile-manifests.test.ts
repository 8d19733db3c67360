import { describe, expect, test } from "@jest/globals";
import { parseManifest } from "../../../src/oci/manifest.ts";
import { ociIndex, ociManifest } from "../../../src/oci/media-type.ts";

const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
const blob = { mediaType: "x", digest: `sha256:${"1".repeat(64)}`, size: 1 };

function parse(document: object, contentType: string) {
  return parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...document })), contentType);
}

describe("a manifest under a type that is not its own", () => {
  test.each([ociIndex, ociManifest])("has the type that it names, and not %s", (sent) => {
    const named = { mediaType: dockerManifest, config: blob, layers: [blob] };
    expect(parse(named, sent).mediaType).toBe(dockerManifest);
  });

  test.each([
    ["a manifest as an index", { config: blob, layers: [blob] }, ociIndex],
    ["an index as a manifest", { manifests: [blob] }, ociManifest],
    ["both, as a manifest", { config: blob, layers: [], manifests: [] }, ociManifest],
    ["both, as an index", { config: blob, manifests: [] }, ociIndex],
    ["both, by its own word", { mediaType: ociIndex, layers: [], manifests: [] }, "text/plain"],
  ])("is refused where it is %s", (_, document, sent) => {
    expect(() => parse(document, sent)).toThrow("manifest is not of its type");
  });
});
