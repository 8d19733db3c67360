import { z } from "zod";
import { parsePullName } from "../oci/pull-name.ts";
import { prefetch } from "./prefetch-schema.ts";
import { rules } from "./rules-schema.ts";
import { isTree } from "./tree.ts";
import {
  duration,
  durationOrOff,
  endpoint,
  listenAddress,
  oneOf,
  origin,
  rate,
  registryHost,
  secretFile,
  share,
  sizeOrOff,
  text,
  tokenRealm,
  wholeNumber,
} from "./values.ts";

/** Cross checks also run where single settings are wrong, so that all problems show at once. */
const always = { when: () => true };

const credentials = z
  .strictObject({
    username: text.refine(
      (name) => !name.includes(":"),
      "holds a colon, which HTTP does not allow",
    ),
    password: text.optional(),
    passwordFile: secretFile.optional(),
  })
  .superRefine((value: unknown, context) => {
    const isGiven = (key: string) => isTree(value) && value[key] !== undefined;
    if (isTree(value) && isGiven("password") === isGiven("passwordFile")) {
      context.addIssue("need exactly one of password and passwordFile");
    }
  }, always);

const upstream = z
  .strictObject({
    endpoints: z.array(endpoint).min(1, "is an empty list; write one or more URLs").optional(),
    credentials: credentials.optional(),
    tokenRealms: z.array(tokenRealm).prefault([]),
    connections: wholeNumber(2, 1024).prefault(32),
    connectTimeout: duration("100ms", "1m").prefault("5s"),
    responseTimeout: duration("100ms", "5m").prefault("15s"),
    stallTimeout: duration("100ms", "10m").prefault("15s"),
    retries: wholeNumber(0, 20).prefault(3),
    maxRetryWait: duration("0s", "5m").prefault("5s"),
  })
  .prefault({});

export const defaultUpstreamHost = "docker.io";

/** `upstreams` must be there, so that whoever fills it in knows which variables concern it. */
export const configSchema = z
  .strictObject({
    server: z
      .strictObject({
        listen: listenAddress.prefault("0.0.0.0:5000"),
        drainTimeout: duration("0s", "1h").prefault("30s"),
        headersTimeout: duration("1s", "5m").prefault("20s"),
        idleTimeout: duration("1s", "1d").prefault("5m"),
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

function checkUpstreams(value: unknown, context: z.RefinementCtx): void {
  if (!isTree(value) || !isTree(value["upstreams"])) return;
  const report = (path: string[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  const hosts = Object.keys(value["upstreams"]);
  for (const host of hosts) {
    const problem = findHostProblem(host) ?? findDefaultProblem(hosts, value["defaultUpstream"]);
    if (problem !== undefined) report(["upstreams", host], problem);
  }
  if (hosts.length > 1) {
    report(["upstreams"], `names ${hosts.length} registries; this version mirrors exactly one`);
  }
}

function findHostProblem(host: unknown): string | undefined {
  return registryHost.safeParse(host).error?.issues[0]?.message;
}

function findDefaultProblem([host, ...more]: string[], chosen: unknown): string | undefined {
  const isKnown = host === chosen || more.length > 0 || findHostProblem(chosen) !== undefined;
  if (isKnown) return undefined;
  return `is not the default upstream; write defaultUpstream: ${host}`;
}

function checkPrefetch(value: unknown, context: z.RefinementCtx): void {
  if (!isTree(value) || !isTree(value["prefetch"]) || !isTree(value["upstreams"])) return;
  const { images } = value["prefetch"];
  const hosts = Object.keys(value["upstreams"]);
  for (const [index, name] of Array.isArray(images) ? images.entries() : []) {
    const registry = findRegistry(name);
    if (registry === undefined || hosts.includes(registry)) continue;
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
