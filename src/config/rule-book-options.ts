import type { Config, RuleConfig } from "./config.ts";
import { upstreamRules } from "./upstream-rules.ts";

interface RuleBookOptions {
  rules: RuleConfig[];
  defaults: { revalidateAfterMs: number; serveStaleForMs: number; maxAgeMs: number };
}

/** Of the rule book of a configuration: its rules, behind them those of the upstreams, and its defaults. */
export function ruleBookOptions(config: Config): RuleBookOptions {
  const { revalidateAfterMs, serveStaleForMs } = config.tags;
  return {
    rules: [...config.rules, ...upstreamRules(config)],
    defaults: { revalidateAfterMs, serveStaleForMs, maxAgeMs: config.storage.maxAgeMs },
  };
}
