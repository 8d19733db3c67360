import { z } from "zod";
import { dockerHub } from "../oci/docker-hub.ts";
import { parsePullName } from "../oci/pull-name.ts";
import { covers } from "./host-pattern.ts";
import { prefetch } from "./prefetch-schema.ts";
import { rules } from "./rules-schema.ts";
import { isTree } from "./tree.ts";
import { checkUpstreams } from "./upstream-checks.ts";
import { upstream } from "./upstream-schema.ts";
import {
  duration,
  durationOrOff,
  listenAddress,
  oneOf,
  origin,
  rate,
  registryHost,
  share,
  sizeOrOff,
  text,
  yesOrNo,
} from "./values.ts";

/** Cross checks also run where single settings are wrong, so that all problems show at once. */
const always = { when: () => true };

export const defaultUpstreamHost = dockerHub;

/** `upstreams` must be there, so that whoever fills it in knows which variables concern it. */
export const configSchema = z
  .strictObject({
    server: z
      .strictObject({
        listen: listenAddress.prefault("0.0.0.0:5000"),
        drainTimeout: duration("0s", "1h").prefault("30s"),
        headersTimeout: duration("1s", "5m").prefault("20s"),
        idleTimeout: duration("1s", "1d").prefault("5m"),
        sendfile: yesOrNo.prefault(true),
        publicUrl: origin.optional(),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: oneOf(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).prefault(
          "info",
        ),
        format: oneOf(["auto", "pretty", "json"]).prefault("auto"),
      })
      .prefault({}),
    storage: z.strictObject({
      path: text,
      maxSize: sizeOrOff("1MiB").prefault("50GiB"),
      minFree: share.prefault("5%"),
      maxAge: durationOrOff("1m", "3650d").prefault("90d"),
    }),
    scrub: z
      .strictObject({
        rate: rate("64KiB").prefault("20MiB"),
        every: durationOrOff("1s", "3650d").prefault("30d"),
      })
      .prefault({}),
    tags: z
      .strictObject({
        revalidateAfter: duration("0s", "365d").prefault("1m"),
        revalidateTimeout: duration("100ms", "30s").prefault("3s"),
        serveStaleFor: duration("0s", "3650d").prefault("30d"),
        negativeTtl: duration("0s", "1h").prefault("10s"),
      })
      .prefault({}),
    rules,
    prefetch,
    defaultUpstream: registryHost.prefault(defaultUpstreamHost),
    upstreams: z.record(z.string(), upstream),
  })
  .superRefine(checkUpstreams, always)
  .superRefine(checkPrefetch, always);

/** What the schema makes of a good tree. */
export type Settings = z.output<typeof configSchema>;

function checkPrefetch(value: unknown, context: z.RefinementCtx): void {
  if (!isTree(value) || !isTree(value["prefetch"]) || !isTree(value["upstreams"])) return;
  const { images } = value["prefetch"];
  const hosts = Object.keys(value["upstreams"]);
  for (const [index, name] of Array.isArray(images) ? images.entries() : []) {
    const registry = findRegistry(name);
    if (registry === undefined || hosts.some((host) => covers(host, registry))) continue;
    const message = `is at ${registry}, which is not mirrored; configured: ${hosts.join(", ")}`;
    context.addIssue({ code: "custom", path: ["prefetch", "images", index], message });
  }
}

/** undefined: it is no name, which is said elsewhere. */
function findRegistry(name: unknown): string | undefined {
  try {
    return typeof name === "string" ? parsePullName(name).registry : undefined;
  } catch {
    return undefined;
  }
}
