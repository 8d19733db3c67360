import type { Digest } from "../../src/oci/digest.ts";
import { parseTag, type Tag } from "../../src/oci/reference.ts";
import type { QualifiedName } from "../../src/oci/repository-name.ts";
import type { MetadataStore } from "../../src/store/metadata/metadata-store.ts";
import {
  latest,
  makeDigest,
  makeManifest,
  node,
  redis,
  saveBlobs,
  saveGraph,
} from "./stored-content.ts";

/** Content to begin with; manifests and blobs are numbers. */
export interface Graph {
  /** References and subjects that do not come before the manifest are left out. */
  manifests: {
    savedIn: QualifiedName[];
    manifests: number[];
    blobs: number[];
    subject: number | undefined;
  }[];
  /** Those that are here. */
  blobs: number[];
  linkedBlobs: { repository: QualifiedName; blob: number }[];
  tags: { repository: QualifiedName; tag: Tag; manifest: number }[];
}

interface ModelManifest {
  refersTo: Set<Digest>;
  subject: Digest | undefined;
}

const repositories = [node, redis];
const tags = [latest, parseTag("stable")];

/**
 * The rules of removal over plain sets, by looking at everything again and again: slow, and so
 * simple that it can be read against the interface.
 */
export class RemovalModel {
  /** All that anything was ever said of. */
  readonly #digests = new Set<Digest>();
  readonly #manifests = new Map<Digest, ModelManifest>();
  readonly #blobs = new Set<Digest>();
  readonly #links = new Set<string>();
  readonly #tags = new Map<string, Digest>();

  /** Puts the graph into the store, and knows it. */
  static async fill(store: MetadataStore, graph: Graph): Promise<RemovalModel> {
    const model = new RemovalModel();
    for (const [index, { savedIn, ...manifest }] of graph.manifests.entries()) {
      const below = manifest.manifests.filter((each) => each < index).map(manifestSeed);
      const isAfterSubject = manifest.subject !== undefined && manifest.subject < index;
      const subject = isAfterSubject ? manifestSeed(manifest.subject ?? 0) : undefined;
      const given = { manifests: below, blobs: manifest.blobs.map(blobSeed) };
      for (const repository of savedIn) {
        const about = subject === undefined ? {} : { subject };
        await saveGraph(store, manifestSeed(index), { repository, ...given, ...about });
        model.#save(repository, manifestSeed(index), { ...given, subject });
      }
      model.#digests.add(model.digestOf(index));
    }
    await saveBlobs(store, graph.blobs.map(blobSeed));
    for (const blob of graph.blobs) {
      model.#blobs.add(makeDigest(blobSeed(blob)));
      model.#digests.add(makeDigest(blobSeed(blob)));
    }
    for (const { repository, blob } of graph.linkedBlobs) {
      await store.link(repository, makeDigest(blobSeed(blob)), 1000);
      model.#link(repository, makeDigest(blobSeed(blob)));
    }
    for (const { repository, tag, manifest } of graph.tags) {
      await store.saveTag(repository, tag, model.digestOf(manifest), 1000);
      model.#tags.set(`${repository}:${tag}`, model.digestOf(manifest));
    }
    return model;
  }

  digestOf(manifest: number): Digest {
    return makeManifest(manifestSeed(manifest)).digest;
  }

  removeTag(repository: QualifiedName, tag: Tag) {
    const digest = this.#tags.get(`${repository}:${tag}`);
    if (digest === undefined) return undefined;
    this.#tags.delete(`${repository}:${tag}`);
    return { tags: [tag], ...this.#forget(repository, digest, undefined) };
  }

  removeManifest(repository: QualifiedName, digest: Digest) {
    const isHere = this.#manifests.has(digest) && this.#isLinked(repository, digest);
    if (!isHere) return undefined;
    const pointing = tags.filter((tag) => this.#tags.get(`${repository}:${tag}`) === digest);
    for (const tag of pointing) this.#tags.delete(`${repository}:${tag}`);
    return { tags: pointing, ...this.#forget(repository, digest, digest) };
  }

  /** All that is known, in words. */
  facts(): string[] {
    return [
      ...[...this.#manifests.keys()].map((digest) => `manifest ${digest}`),
      ...[...this.#blobs].map((digest) => `blob ${digest}`),
      ...[...this.#links].map((link) => `link ${link}`),
      ...[...this.#tags].map(([name, digest]) => `tag ${name} ${digest}`),
    ].toSorted();
  }

  /** What the store knows, in the words of `facts`. */
  async read(store: MetadataStore): Promise<string[]> {
    const facts = new Set<string>();
    for (const repository of repositories) {
      for (const tag of tags) {
        const found = await store.findTag(repository, tag);
        if (found) facts.add(`tag ${repository}:${tag} ${found.digest}`);
      }
      for (const digest of this.#digests) {
        const manifest = await store.findManifest(repository, digest);
        const blob = await store.findBlob(repository, digest);
        if (manifest.content) facts.add(`manifest ${digest}`);
        if (blob.content) facts.add(`blob ${digest}`);
        if (blob.linked) facts.add(`link ${repository} ${digest}`);
      }
    }
    return [...facts].toSorted();
  }

  #save(
    repository: QualifiedName,
    seed: string,
    given: { manifests: string[]; blobs: string[]; subject: string | undefined },
  ): void {
    const { digest } = makeManifest(seed);
    const children = given.manifests.map((each) => makeManifest(each).digest);
    const refersTo = new Set([...children, ...given.blobs.map(makeDigest)]);
    const subject = given.subject === undefined ? undefined : makeManifest(given.subject).digest;
    this.#manifests.set(digest, { refersTo, subject });
    for (const each of [digest, ...refersTo]) this.#link(repository, each);
  }

  #forget(repository: QualifiedName, top: Digest, taken: Digest | undefined) {
    const others = repositories.filter((each) => each !== repository);
    const hanging = this.#grow(new Set([top]), this.#digests);
    const isOutside = (digest: Digest) => !hanging.has(digest);
    const reachable = new Set([...hanging].filter((digest) => digest !== taken));
    const staying = this.#spread(reachable, (digest) => {
      const isElsewhere = others.some((each) => this.#isLinked(each, digest));
      return isOutside(digest) || this.#isTagged(repositories, digest) || isElsewhere;
    });
    const readable = this.#spread(reachable, (digest) =>
      isOutside(digest) ? this.#isLinked(repository, digest) : this.#isTagged([repository], digest),
    );
    const manifests = [...this.#manifests.keys()].filter((digest) => !staying.has(digest));
    const wereReferredTo = manifests.flatMap((digest) => this.#below(digest));
    const unreadable = [...hanging].filter(
      (digest) => this.#manifests.has(digest) && !readable.has(digest),
    );
    const leaves = [...hanging].filter((digest) => !this.#manifests.has(digest));
    for (const digest of manifests) this.#manifests.delete(digest);
    for (const digest of unreadable) this.#links.delete(`${repository} ${digest}`);
    for (const digest of leaves) {
      const isReadable = this.#above(digest).some((above) => this.#isLinked(repository, above));
      if (isReadable || this.#isTagged([repository], digest)) continue;
      this.#links.delete(`${repository} ${digest}`);
    }
    const blobs = wereReferredTo.filter(
      (digest) => this.#blobs.has(digest) && this.#above(digest).length === 0,
    );
    for (const digest of blobs) this.#blobs.delete(digest);
    for (const digest of hanging) this.#dropLostLinks(digest);
    return { manifests, blobs: [...new Set(blobs)].map((digest) => ({ digest, size: 10 })) };
  }

  #dropLostLinks(digest: Digest): void {
    const isHere = this.#manifests.has(digest) || this.#blobs.has(digest);
    if (isHere || this.#above(digest).length > 0) return;
    for (const repository of repositories) this.#links.delete(`${repository} ${digest}`);
  }

  /** Manifests that have a hold of their own, and those within `reachable` that they lead to. */
  #spread(reachable: ReadonlySet<Digest>, hasHold: (digest: Digest) => boolean): Set<Digest> {
    return this.#grow(new Set([...this.#manifests.keys()].filter(hasHold)), reachable);
  }

  /** With what hangs on them, as far as that is in `within`. */
  #grow(found: Set<Digest>, within: ReadonlySet<Digest>): Set<Digest> {
    const next = [...within].filter(
      (digest) => !found.has(digest) && [...found].some((above) => this.#hangs(digest, above)),
    );
    return next.length === 0 ? found : this.#grow(new Set([...found, ...next]), within);
  }

  #hangs(digest: Digest, above: Digest): boolean {
    const manifest = this.#manifests.get(above);
    if (!manifest) return false;
    return manifest.refersTo.has(digest) || this.#manifests.get(digest)?.subject === above;
  }

  #below(digest: Digest): Digest[] {
    return [...(this.#manifests.get(digest)?.refersTo ?? [])];
  }

  #above(digest: Digest): Digest[] {
    return [...this.#manifests]
      .filter(([, { refersTo }]) => refersTo.has(digest))
      .map(([above]) => above);
  }

  #isTagged(among: QualifiedName[], digest: Digest): boolean {
    return [...this.#tags].some(
      ([name, each]) => each === digest && among.some((other) => name.startsWith(`${other}:`)),
    );
  }

  #isLinked(repository: QualifiedName, digest: Digest): boolean {
    return this.#links.has(`${repository} ${digest}`);
  }

  #link(repository: QualifiedName, digest: Digest): void {
    this.#links.add(`${repository} ${digest}`);
    this.#digests.add(digest);
  }
}

function manifestSeed(index: number): string {
  return `manifest ${index}`;
}

function blobSeed(index: number): string {
  return `blob ${index}`;
}
