import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest, type Manifest } from "../../oci/manifest.ts";
import { formatReference } from "../../oci/reference.ts";
import { anonymousAccount } from "../accounts.ts";
import { Authorizer } from "../authorizer.ts";
import { Endpoint } from "../endpoint.ts";
import { fetchManifest, fetchManifestHead, type ManifestRequest } from "../manifest-requests.ts";
import { probeBlob } from "./probe-blob.ts";
import type { FoundContent, ProbeTarget } from "./probe-options.ts";
import type { EndpointProbe, Entrance } from "./probe-token.ts";
import type { Attempt } from "./probe-trail.ts";
import { RealmTrust } from "../realm-trust.ts";
import { UpstreamError } from "../upstream.ts";

/** Of an index of indexes, and so on. */
const maxDepth = 3;

/** A manifest that is there, with its bytes where it had to be read. */
interface FoundManifest {
  digest: Digest;
  manifest: Manifest | undefined;
}

/** The manifest and a blob of it, asked for as pulls ask. undefined: nothing was found. */
export async function probeContent(
  entrance: Entrance,
  probe: EndpointProbe,
): Promise<FoundContent | undefined> {
  const { trail, options } = probe;
  const target = askable(probe);
  if (typeof target === "string") {
    trail.skip("manifest", target);
    return undefined;
  }
  const endpoint = openEndpoint(entrance, probe);
  const request = (signal: AbortSignal): ManifestRequest => {
    return { ...target, signal, clock: options.clock, onReceived: () => {} };
  };
  const found = await trail.run("manifest", async (signal) => {
    const attempt = await findManifest(endpoint, request(signal), target);
    const { budget } = entrance.accounts;
    if (!budget) return attempt;
    const left = `${budget.remaining} of ${budget.limit} requests left`;
    return { ...attempt, message: `${attempt.message}, ${left}` };
  });
  if (!found && !options.known?.blob) return undefined;
  let blob = options.known?.blob;
  await trail.run("blob", async (signal) => {
    if (found) blob ??= await chooseBlob(endpoint, request(signal), found);
    if (blob) return probeBlob(endpoint, { ...request(signal), blob });
    return { outcome: "skipped", message: "the manifest has none", value: undefined };
  });
  return found && { digest: found.digest, blob };
}

/** What may be asked of the endpoint; in words why nothing. */
function askable({ options }: EndpointProbe): ProbeTarget | string {
  const { target, known, endpoint } = options;
  if (!target) return "nothing is known to be there; name something to pull: HOST/REPOSITORY:TAG";
  if (endpoint.trust === "full" || target.reference.kind === "digest") return target;
  if (!known) return "it is asked by digest only, and no endpoint with full trust has told one";
  return { ...target, reference: { kind: "digest", digest: known.digest } };
}

/** Apart from that which serves, so that nothing here counts there. */
function openEndpoint(entrance: Entrance, { options, base, transport }: EndpointProbe): Endpoint {
  const { clock, log, signal, endpoint } = options;
  const trust = new RealmTrust(options);
  return new Endpoint({
    base,
    trust: endpoint.trust,
    transport,
    accounts: entrance.accounts,
    makeAuthorizer: (at, account = anonymousAccount(clock)) => {
      if (account === entrance.account) return entrance.authorizer;
      return new Authorizer({ account, base: at, transport, trust, clock, signal });
    },
    clock,
    log,
    onLie: () => {},
  });
}

async function findManifest(
  endpoint: Endpoint,
  request: ManifestRequest,
  { isAsked }: ProbeTarget,
): Promise<Attempt<FoundManifest | undefined>> {
  const { repository, reference } = request;
  const text = formatReference(reference);
  const name = `${repository}${reference.kind === "tag" ? ":" : "@"}${text}`;
  const found = await askFor(endpoint, request);
  if (found) {
    const message = reference.kind === "tag" ? `${name} is ${found.digest}` : `${name} is there`;
    return { message, value: found };
  }
  const absence = `${name} is not there`;
  if (endpoint.trust === "content") {
    const message = `${absence}: others are asked for it`;
    return { outcome: "skipped", message, value: undefined };
  }
  if (isAsked) throw new UpstreamError("invalid", `${absence}, or not for this account`);
  return { outcome: "skipped", message: `${absence}; name something to pull`, value: undefined };
}

async function askFor(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<FoundManifest | undefined> {
  if (request.reference.kind === "tag") return fetchManifestHead(endpoint, request);
  const manifest = await fetchManifest(endpoint, request);
  return manifest && { digest: manifest.digest, manifest };
}

/** The smallest of the first manifest that has any. */
async function chooseBlob(
  endpoint: Endpoint,
  request: ManifestRequest,
  found: FoundManifest,
): Promise<Descriptor | undefined> {
  let { digest, manifest } = found;
  for (let depth = 0; depth < maxDepth; depth += 1) {
    const reference = { kind: "digest", digest } as const;
    manifest ??= await fetchManifest(endpoint, { ...request, reference });
    if (!manifest) throw new UpstreamError("invalid", `manifest ${digest} is not there`);
    const { blobs, manifests } = parseManifest(manifest.bytes, manifest.mediaType);
    const [child] = manifests;
    if (blobs.length > 0 || !child) return smallest(blobs);
    ({ digest } = child);
    manifest = undefined;
  }
  return undefined;
}

/** Foreign layers are not the registry's to give. */
function smallest(blobs: readonly Descriptor[]): Descriptor | undefined {
  return blobs
    .filter(({ mediaType, size }) => size > 0 && !/foreign|nondistributable/.test(mediaType))
    .toSorted((one, other) => one.size - other.size)[0];
}
