interface FreshnessRules {
  /** A tag confirmed within this time is not asked about. */
  revalidateAfterMs: number;
  /** A tag confirmed within this time may be served when upstream cannot be asked. */
  serveStaleForMs: number;
}

/** fresh: serve it · revalidate: ask, and serve it if that fails · expired: upstream must answer. */
export type Freshness = "fresh" | "revalidate" | "expired";

/** A clock that was set back makes a tag no fresher than just confirmed. */
export function judgeFreshness(checkedAt: number, now: number, rules: FreshnessRules): Freshness {
  const ageMs = now - checkedAt;
  if (ageMs >= 0 && ageMs < rules.revalidateAfterMs) return "fresh";
  return ageMs <= rules.serveStaleForMs ? "revalidate" : "expired";
}

/** Served without a question to upstream: a fresh tag, and one that a rule says never moves. */
export function isHit(freshness: Freshness, { immutable }: { immutable: boolean }): boolean {
  return immutable || freshness === "fresh";
}
