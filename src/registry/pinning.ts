import { setImmediate } from "node:timers/promises";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import { findTagSubject } from "../oci/referrers-tag.ts";
import type { PinRecord } from "../store/metadata/pin-store.ts";
import type { ReachingName, Standing, UpkeepStore } from "../store/metadata/upkeep-store.ts";
import type { RuleBook } from "./rule-book.ts";

/** Asked about in one step, which requests wait for. */
const subjectsPerStep = 32;

export function isInForce({ until }: PinRecord, at: number): boolean {
  return until === undefined || at < until;
}

/** By a pin, or by a rule for one of its names. */
export function isPinned({ pins, names }: Standing, rules: Pick<RuleBook, "resolve">): boolean {
  return pins.length > 0 || names.some(({ repository, tag }) => rules.resolve(repository, tag).pin);
}

/**
 * As the store finds them. What is reached by a tag that says to be about a manifest, as cosign's
 * signatures and the list of its referrers are, also has the names and pins that this manifest has
 * in the same repository.
 */
export async function findStandings(
  upkeep: Pick<UpkeepStore, "findStandings">,
  digests: readonly Digest[],
  at: number,
): Promise<Standing[]> {
  const standings = await upkeep.findStandings(digests, at);
  const wanted = new Set(standings.flatMap(({ names }) => names.flatMap(subjectsOf)));
  const subjects = new Map<Digest, Standing>();
  for (let rest = [...wanted]; rest.length > 0; rest = rest.slice(subjectsPerStep)) {
    const step = rest.slice(0, subjectsPerStep);
    const found = await upkeep.findStandings(step, at);
    for (const [index, standing] of found.entries()) {
      const subject = step[index];
      if (subject !== undefined) subjects.set(subject, standing);
    }
    await setImmediate();
  }
  return standings.map((standing) => withSubjects(standing, subjects));
}

function subjectsOf({ tag }: ReachingName): Digest[] {
  const subject = tag === undefined ? undefined : findTagSubject(tag);
  return subject === undefined ? [] : [subject];
}

function withSubjects(standing: Standing, subjects: ReadonlyMap<Digest, Standing>): Standing {
  const names = new Map(standing.names.map((name) => [nameKey(name), name]));
  const pins = new Map(standing.pins.map((pin) => [pinKey(pin), pin]));
  for (const name of standing.names) {
    const { repository } = name;
    const isOwn = (other: { repository: string }) => other.repository === repository;
    for (const above of subjectsOf(name).flatMap((subject) => subjects.get(subject) ?? [])) {
      for (const each of above.names.filter(isOwn)) names.set(nameKey(each), each);
      for (const each of above.pins.filter(isOwn)) pins.set(pinKey(each), each);
    }
  }
  return { names: [...names.values()], pins: [...pins.values()] };
}

function nameKey({ repository, tag }: ReachingName): string {
  return tag === undefined ? repository : `${repository}:${tag}`;
}

function pinKey({ repository, reference }: PinRecord): string {
  return `${repository}@${formatReference(reference)}`;
}
