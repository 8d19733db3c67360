import { digestOf } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { makePlatformIndex, makeRunnableImage } from "./e2e-images.ts";
import { pushArtifact, pushImage, pushIndex } from "./e2e-push.ts";
import type { Registries } from "./e2e-registries.ts";
import { makeReferrer, makeReferrersIndex } from "./fake-registry-referrers.ts";
import { makeImage, type TestImage, type TestIndex } from "./images.ts";

export type RegistryHost = "docker.io" | "ghcr.io" | "quay.io";

export const registryHosts: RegistryHost[] = ["docker.io", "ghcr.io", "quay.io"];

/** The same names with other content at each registry. */
export interface Team {
  /** team/app:1 */
  apps: Record<RegistryHost, TestImage>;
  /** team/multi:1, of which the app is the one for amd64. */
  indexes: Record<RegistryHost, TestIndex>;
}

/** Of a registry without the referrers API, so that its tags say what it belongs to. */
export interface Signed {
  image: TestImage;
  signature: Manifest;
  /** Of the list of what refers to the image; with `.sig` behind it, of the signature itself. */
  tag: string;
}

const emptyConfig = {
  mediaType: "application/vnd.oci.empty.v1+json",
  bytes: Buffer.from("{}"),
  digest: digestOf(Buffer.from("{}")),
};

export async function pushTeam({ directory, hub, ghcr, quay }: Registries): Promise<Team> {
  const atHub = await pushTo(hub.pushUrl, "hub", directory);
  const atGhcr = await pushTo(ghcr.pushUrl, "ghcr", directory);
  const atQuay = await pushTo(quay.pushUrl, "quay", directory);
  return {
    apps: { "docker.io": atHub.app, "ghcr.io": atGhcr.app, "quay.io": atQuay.app },
    indexes: { "docker.io": atHub.multi, "ghcr.io": atGhcr.multi, "quay.io": atQuay.multi },
  };
}

async function pushTo(
  url: string,
  seed: string,
  directory: string,
): Promise<{ app: TestImage; multi: TestIndex }> {
  const app = await makeRunnableImage(directory, { seed, layers: [700_000] });
  const arm = { seed: `${seed}-arm`, architecture: "arm64", layers: [300_000] };
  const multi = makePlatformIndex({ amd64: app, arm64: await makeRunnableImage(directory, arm) });
  await pushImage(url, "team/app", "1", app);
  await pushIndex(url, "team/multi", "1", multi);
  return { app, multi };
}

/** team/signed:1 and a signature, under the tags of cosign and of the referrers tag schema. */
export async function pushSigned(url: string): Promise<Signed> {
  const image = makeImage({ seed: "signed" });
  const signature = makeReferrer(image.manifest, { seed: "cosign" });
  const tag = image.manifest.digest.replace(":", "-");
  await pushImage(url, "team/signed", "1", image);
  const repositoryUrl = `${url}/v2/team/signed`;
  await pushArtifact(repositoryUrl, `${tag}.sig`, signature, [emptyConfig]);
  await pushArtifact(repositoryUrl, tag, makeReferrersIndex([signature]));
  return { image, signature, tag };
}
