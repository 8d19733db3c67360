import type { SlotKind } from "./connection-slots.ts";
import type { Endpoint } from "./endpoint.ts";

/** Below: asked earlier. */
interface Rank {
  /** 0: to be measured now · 1: measured · 2: being measured by another request. */
  group: number;
  /** The smaller, the better. */
  cost: number;
}

/** In the operator's order, but for those that go last. */
export function inOperatorsOrder(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.toSorted((a, b) => Number(a.goesLast) - Number(b.goesLast));
}

/**
 * Those that answer or send soonest first. One not measured lately comes before all, so that it
 * may be found to be better, but for one request at a time.
 */
export function fastestFirst(endpoints: readonly Endpoint[], kind: SlotKind): Endpoint[] {
  const ranked = endpoints.map((endpoint) => ({ endpoint, rank: rankOf(endpoint, kind) }));
  ranked.sort(
    (a, b) =>
      Number(a.endpoint.goesLast) - Number(b.endpoint.goesLast) ||
      a.rank.group - b.rank.group ||
      a.rank.cost - b.rank.cost,
  );
  return ranked.map(({ endpoint }) => endpoint);
}

function rankOf({ health }: Endpoint, kind: SlotKind): Rank {
  const { freshLatency: latency, freshThroughput: throughput } = health;
  if (kind === "blob" && throughput !== undefined) return { group: 1, cost: 1 / throughput };
  if (kind === "small" && latency !== undefined) return { group: 1, cost: latency };
  return { group: health.isBusy ? 2 : 0, cost: latency ?? 0 };
}
