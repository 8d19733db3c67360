import type { Database, Statement } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";

/** Whatever hangs on one manifest, and what becomes of it when a name of that one is gone. */
export interface Descent {
  /** The manifest, all below it and its referrers, at any depth; here or not. */
  all: readonly Digest[];
  /** Of those, what is no manifest that is here. */
  leaves: readonly Digest[];
  /** Manifests that nothing reaches any more. */
  lost: Digest[];
  /** Manifests, lost ones among them, that nothing of the repository reaches any more. */
  unreadable: readonly Digest[];
}

interface DescentOptions {
  /** The repository that has lost the name. */
  repository: number;
  /** Not the name only: the manifest itself is taken from the repository, whatever refers to it. */
  isTaken: boolean;
}

interface AtRepository {
  repository: number;
  digest: Digest;
}

/** Of a manifest that is here: what it refers to, and its referrers. */
const belowSql = `
  SELECT digest FROM manifest_references WHERE manifest = @digest
  UNION
  SELECT digest FROM manifests WHERE subject = @digest
  AND EXISTS (SELECT 1 FROM manifests WHERE digest = @digest)`;

/** Manifests here that refer to it, and its subject if that is here. */
const aboveSql = `
  SELECT manifest FROM manifest_references WHERE digest = @digest
  UNION ALL
  SELECT subjects.digest
  FROM manifests CROSS JOIN manifests AS subjects ON subjects.digest = manifests.subject
  WHERE manifests.digest = @digest`;

const isHeldSql = `
  SELECT EXISTS (SELECT 1 FROM links WHERE repository_id = @repository AND digest = @digest)
    AND EXISTS (SELECT 1 FROM manifests WHERE digest = @digest)`;

const isNamedElsewhereSql = `
  SELECT EXISTS (SELECT 1 FROM tags WHERE digest = @digest)
    OR EXISTS (SELECT 1 FROM links WHERE digest = @digest AND repository_id <> @repository)`;

/** Which content hangs on a manifest, and what of it has another hold. Within the caller's transaction. */
export class SqliteDescent {
  readonly #listBelow: Statement<[{ digest: Digest }], string>;
  readonly #listAbove: Statement<[{ digest: Digest }], string>;
  readonly #isHere: Statement<[{ digest: Digest }], number>;
  readonly #isLinked: Statement<[AtRepository], number>;
  readonly #isTagged: Statement<[AtRepository], number>;
  readonly #isHeld: Statement<[AtRepository], number>;
  readonly #isNamedElsewhere: Statement<[AtRepository], number>;

  constructor(database: Database) {
    this.#listBelow = database.prepare<{ digest: Digest }, string>(belowSql).pluck();
    this.#listAbove = database.prepare<{ digest: Digest }, string>(aboveSql).pluck();
    this.#isHere = database
      .prepare<{ digest: Digest }, number>("SELECT 1 FROM manifests WHERE digest = @digest")
      .pluck();
    this.#isLinked = database
      .prepare<AtRepository, number>(
        "SELECT 1 FROM links WHERE repository_id = @repository AND digest = @digest",
      )
      .pluck();
    this.#isTagged = database
      .prepare<AtRepository, number>(
        "SELECT 1 FROM tags WHERE repository_id = @repository AND digest = @digest",
      )
      .pluck();
    this.#isHeld = database.prepare<AtRepository, number>(isHeldSql).pluck();
    this.#isNamedElsewhere = database.prepare<AtRepository, number>(isNamedElsewhereSql).pluck();
  }

  /** Whether the repository may read the manifest, and it is here. */
  isHeldBy(repository: number, digest: Digest): boolean {
    return this.#isHeld.get({ repository, digest }) === 1;
  }

  /** After the name itself has been deleted. */
  from(top: Digest, { repository, isTaken }: DescentOptions): Descent {
    const all = this.#closure([top], () => true);
    const manifests = [...all].filter((digest) => this.#isHere.get({ digest }) === 1);
    const taken = isTaken ? top : undefined;
    const isReached = (digest: Digest, accept: (above: Digest) => boolean) =>
      digest !== taken && this.#hasAbove(digest, (above) => !all.has(above) && accept(above));
    const readable = this.#closure(
      manifests.filter(
        (digest) =>
          this.#isTagged.get({ repository, digest }) === 1 ||
          isReached(digest, (above) => this.#isLinked.get({ repository, digest: above }) === 1),
      ),
      (digest) => digest !== taken,
    );
    const kept = this.#closure(
      manifests.filter(
        (digest) =>
          readable.has(digest) ||
          this.#isNamedElsewhere.get({ repository, digest }) === 1 ||
          isReached(digest, () => true),
      ),
      (digest) => digest !== taken,
    );
    const here = new Set(manifests);
    return {
      all: [...all],
      leaves: [...all].filter((digest) => !here.has(digest)),
      lost: manifests.filter((digest) => !kept.has(digest)),
      unreadable: manifests.filter((digest) => !readable.has(digest)),
    };
  }

  /** These, and what hangs on them as far as `accept` lets it. */
  #closure(tops: readonly Digest[], accept: (digest: Digest) => boolean): Set<Digest> {
    const found = new Set(tops);
    // A set gives what is added to it while it is walked as well.
    for (const digest of found) {
      for (const text of this.#listBelow.all({ digest })) {
        const below = asDigest(text);
        if (below && accept(below)) found.add(below);
      }
    }
    return found;
  }

  /** Read one by one: a layer may be in thousands of manifests. */
  #hasAbove(digest: Digest, accept: (above: Digest) => boolean): boolean {
    for (const text of this.#listAbove.iterate({ digest })) {
      const above = asDigest(text);
      if (above && accept(above)) return true;
    }
    return false;
  }
}
