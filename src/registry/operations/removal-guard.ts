import type { Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { formatPullName } from "../../oci/pull-name.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { PinRecord, PinStore } from "../../store/metadata/pin-store.ts";
import type { ReachingName, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import { isInForce } from "../pinning.ts";
import type { RuleBook } from "../rule-book.ts";
import { listBelow } from "./manifest-references.ts";
import { listPinningRules } from "./pinned.ts";
import type { RemovalPlan } from "./removal-plan.ts";

export interface GuardOptions {
  inventory: Pick<InventoryStore, "summarizeManifest" | "listReferrers">;
  upkeep: Pick<UpkeepStore, "findStandings">;
  pins: Pick<PinStore, "listPins">;
  rules: Pick<RuleBook, "explain">;
  clock: Clock;
}

/**
 * Throws RegistryError DENIED when what the plans take away together is covered by a pin or by a
 * rule that pins. What also has a name that stays is not taken away.
 */
export async function refusePinned(
  plans: readonly RemovalPlan[],
  options: GuardOptions,
): Promise<void> {
  const names = plans.flatMap(namesOf);
  const [place] = listPinningRules(names, options.rules);
  if (place !== undefined) {
    const message = `what would go is pinned by rule ${place}; change that rule first`;
    throw new RegistryError("DENIED", message);
  }
  const pin =
    (await findPinOfManifests(plans, options)) ?? (await findPinOfNames(plans, names, options));
  if (pin) {
    const name = formatPullName(pin.repository, pin.reference);
    const message = `what would go is pinned as ${name}; take that back first: entrepot unpin ${name}`;
    throw new RegistryError("DENIED", message);
  }
}

/** The names that a plan takes away; that of the whole repository stands for what has no tag. */
function namesOf(plan: RemovalPlan): ReachingName[] {
  const { repository } = plan;
  if (plan.kind === "tag") return [{ repository, tag: plan.tag }];
  return [undefined, ...plan.tags].map((tag) => ({ repository, tag }));
}

/** A manifest named by its digest goes even from below an index that stays, and may be pinned. */
async function findPinOfManifests(
  plans: readonly RemovalPlan[],
  { upkeep, clock }: GuardOptions,
): Promise<PinRecord | undefined> {
  const digests = plans.flatMap((plan) => (plan.kind === "manifest" ? [plan.digest] : []));
  const standings = await upkeep.findStandings(digests, clock.now());
  return standings.flatMap(({ pins }) => pins)[0];
}

async function findPinOfNames(
  plans: readonly RemovalPlan[],
  names: readonly ReachingName[],
  options: GuardOptions,
): Promise<PinRecord | undefined> {
  const now = options.clock.now();
  const inForce = (await options.pins.listPins()).filter((pin) => isInForce(pin, now));
  for (const pin of inForce) {
    const { repository, reference } = pin;
    const isTouched =
      reference.kind === "digest"
        ? await isTakenAway(reference.digest, plans, options)
        : names.some((name) => name.repository === repository && name.tag === reference.tag);
    if (isTouched) return pin;
  }
  return undefined;
}

/** Whether it is here by some name, and none of its names stays. */
async function isTakenAway(
  digest: Digest,
  plans: readonly RemovalPlan[],
  options: GuardOptions,
): Promise<boolean> {
  const [standing] = await options.upkeep.findStandings([digest], options.clock.now());
  const names = standing?.names ?? [];
  for (const name of names) {
    if (!(await goes(name, digest, plans, options))) return false;
  }
  return names.length > 0;
}

async function goes(
  { repository, tag }: ReachingName,
  digest: Digest,
  plans: readonly RemovalPlan[],
  { inventory }: GuardOptions,
): Promise<boolean> {
  for (const plan of plans.filter((each) => each.repository === repository)) {
    if (plan.kind === "repository") return true;
    if (plan.kind === "tag" ? plan.tag === tag : tag !== undefined && plan.tags.includes(tag)) {
      return true;
    }
    const isUntagged = plan.kind === "manifest" && tag === undefined;
    if (isUntagged && (await listBelow(inventory, plan.digest)).has(digest)) return true;
  }
  return false;
}
