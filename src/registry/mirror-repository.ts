import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { formatReference, type Reference, type Tag } from "../oci/reference.ts";
import { filterByArtifactType } from "../oci/referrers.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { MirrorBlobs } from "./mirror-blobs.ts";
import type { MirroredName, MirrorManifests } from "./mirror-manifests.ts";
import type { MirrorReferrers } from "./mirror-referrers.ts";
import type { MirrorTagList } from "./mirror-tag-list.ts";
import type { MirrorTags } from "./mirror-tags.ts";
import type {
  BlobAnswer,
  BlobStat,
  ManifestAnswer,
  ReferrersAnswer,
  Repository,
  TagListAnswer,
} from "./repository.ts";
import type { RuleBook } from "./rule-book.ts";
import { toRegistryError } from "./upstream-trouble.ts";
import type { Usage } from "./usage.ts";

/** What all repositories of one upstream share. */
export interface MirroredRegistry {
  /** Canonical host: `docker.io`. */
  host: string;
  upstream: Upstream;
  tags: MirrorTags;
  manifests: MirrorManifests;
  blobs: MirrorBlobs;
  tagList: MirrorTagList;
  referrers: MirrorReferrers;
  usage: Usage;
  rules: RuleBook;
}

/** A repository read through: from here where possible, else from upstream. */
export class MirrorRepository implements Repository {
  readonly key: QualifiedName;
  readonly #mirror: MirroredRegistry;
  readonly #name: MirroredName;

  constructor(mirror: MirroredRegistry, name: MirroredName) {
    this.#mirror = mirror;
    this.#name = name;
    this.key = name.key;
  }

  async getManifest(reference: Reference): Promise<ManifestAnswer> {
    this.#checkAllowed(reference.kind === "tag" ? reference.tag : undefined);
    const { tags, manifests, usage } = this.#mirror;
    const found = await this.#asking(
      reference.kind === "tag"
        ? tags.find(this.#name, reference.tag)
        : manifests.find(this.#name, reference.digest),
    );
    if (!found) {
      const message = `manifest ${formatReference(reference)} is not in ${this.#name.name}`;
      throw new RegistryError("MANIFEST_UNKNOWN", message);
    }
    usage.note(found.manifest.digest);
    return found;
  }

  async statBlob(digest: Digest): Promise<BlobStat> {
    this.#checkAllowed(undefined);
    const found = await this.#asking(this.#mirror.blobs.stat(this.#name, digest));
    return this.#present(found, digest);
  }

  async openBlob(digest: Digest): Promise<BlobAnswer> {
    this.#checkAllowed(undefined);
    const found = await this.#asking(this.#mirror.blobs.open(this.#name, digest));
    return this.#present(found, digest);
  }

  async listTags(query: URLSearchParams): Promise<TagListAnswer> {
    this.#checkAllowed(undefined);
    const found = await this.#asking(this.#mirror.tagList.list(this.#name, query));
    if (found) return found;
    throw new RegistryError("NAME_UNKNOWN", `there is no repository ${this.#name.name}`);
  }

  /** What is listed does not count as used. */
  async listReferrers(subject: Digest, artifactType: string | undefined): Promise<ReferrersAnswer> {
    this.#checkAllowed(undefined);
    const answer = await this.#asking(this.#mirror.referrers.list(this.#name, subject));
    if (artifactType === undefined) return answer;
    return { ...answer, referrers: filterByArtifactType(answer.referrers, artifactType) };
  }

  /** What rules deny, upstream is not asked about. */
  #checkAllowed(tag: Tag | undefined): void {
    const { deny } = this.#mirror.rules.resolve(this.key, tag);
    if (deny === false) return;
    const name = tag === undefined ? this.key : `${this.key}:${tag}`;
    const message = deny === true ? `${name} may not be pulled through this mirror` : deny;
    throw new RegistryError("DENIED", message);
  }

  #present<Found>(found: Found | undefined, digest: Digest): Found {
    if (found === undefined) {
      throw new RegistryError("BLOB_UNKNOWN", `blob ${digest} is not in ${this.#name.name}`);
    }
    this.#mirror.usage.note(digest);
    return found;
  }

  async #asking<Found>(answer: Promise<Found>): Promise<Found> {
    try {
      return await answer;
    } catch (error) {
      throw toRegistryError(error, this.#mirror.host);
    }
  }
}
