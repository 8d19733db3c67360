import { ociIndex, ociManifest } from "../../src/oci/media-type.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { errorAnswer, jsonAnswer, type Answer } from "./fake-registry-answer.ts";
import { makeManifest } from "./images.ts";

interface ReferrerDetails {
  artifactType?: string;
  annotations?: Record<string, string>;
  /** Tells apart what is else equal. */
  seed?: string;
}

interface ReferrersQuestion {
  repository: string;
  subject: string;
  query: URLSearchParams;
  /** In pages of so many; all at once unless given. */
  pageLength: number | undefined;
}

const emptyConfig = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
};

/** Something about a manifest: a signature, a bill of materials. */
export function makeReferrer(subject: Manifest, details: ReferrerDetails = {}): Manifest {
  const { artifactType, annotations, seed = "referrer" } = details;
  const layers = [{ ...emptyConfig, annotations: { seed } }];
  const content = { artifactType, config: emptyConfig, layers, annotations };
  return makeManifest(ociManifest, { ...content, subject: describe(subject) });
}

/** The descriptor with which a registry lists it. */
export function listedAs(referrer: Manifest, details: Omit<ReferrerDetails, "seed"> = {}) {
  const { artifactType = emptyConfig.mediaType, annotations } = details;
  return { ...describe(referrer), artifactType, ...(annotations && { annotations }) };
}

/** What a client without the API puts under the referrers tag. */
export function makeReferrersIndex(referrers: Manifest[]): Manifest {
  return makeManifest(ociIndex, { manifests: referrers.map((referrer) => listedAs(referrer)) });
}

/** As the specification says, also of a subject that is not there; never filtered. */
export function answerReferrers(
  manifests: Iterable<Manifest> | undefined,
  { repository, subject, query, pageLength = Infinity }: ReferrersQuestion,
): Answer {
  if (!manifests) return errorAnswer(404, "NAME_UNKNOWN");
  const listed = [...manifests]
    .filter((manifest) => readContent(manifest).subject?.digest === subject)
    .map(listManifest);
  const start = Number(query.get("start") ?? 0);
  const end = start + pageLength;
  const next = `</v2/${repository}/referrers/${subject}?start=${end}>; rel="next"`;
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: listed.slice(start, end) };
  return jsonAnswer(index, {
    "content-type": ociIndex,
    ...(end < listed.length && { link: next }),
  });
}

interface ArtifactContent extends ReferrerDetails {
  subject?: { digest: string };
  config?: { mediaType: string };
}

function listManifest(manifest: Manifest) {
  const { artifactType, config, annotations } = readContent(manifest);
  return {
    ...describe(manifest),
    artifactType: artifactType ?? config?.mediaType,
    annotations,
  };
}

function readContent({ bytes }: Manifest): ArtifactContent {
  return JSON.parse(Buffer.from(bytes).toString());
}

function describe({ mediaType, digest, bytes }: Manifest) {
  return { mediaType, digest, size: bytes.length };
}
