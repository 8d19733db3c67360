import { z } from "zod";
import { RegistryError, type ErrorCode } from "../oci/errors.ts";
import type {
  OperationArgs,
  OperationEvent,
  OperationName,
  OperationResult,
} from "../registry/operations/operations.ts";

/*
 * One operation is one request: POST /v1/<operation> with its arguments as JSON. The answer is
 * lines of JSON: any number of {"event":…}, then one {"result":…} or {"error":{code,message}}. One
 * that ends without the last is broken.
 */

/** In requests and answers: the version of the program that sends them. */
export const versionHeader = "entrepot-version";

/** Tells the version and nothing else: whether anybody listens. */
export const greetingPath = "/v1/";

export function operationPath(name: OperationName): string {
  return `/v1/${name}`;
}

/** Lengths are for the operations to judge; here the body's bounds them. */
const text = z.string();
const names = z.array(text);
/** Milliseconds; `Date` has no later ones. */
const time = z.number().min(0).max(8.64e15);
const byPattern = z.strictObject({ pattern: text.exactOptional() });

/** What each operation takes. */
export const argsSchemas: { [Name in OperationName]: z.ZodType<OperationArgs<Name>> } = {
  listRepositories: byPattern,
  listTags: byPattern,
  listBlobs: byPattern,
  show: z.strictObject({ name: text }),
  remove: z.strictObject({ names, allTags: z.boolean() }),
  pin: z.strictObject({ name: text, until: time.exactOptional(), note: text.exactOptional() }),
  unpin: z.strictObject({ name: text }),
  listPins: z.strictObject({}),
  evict: z.strictObject({
    toBytes: z.number().min(0).exactOptional(),
    olderThanMs: time.exactOptional(),
    dryRun: z.boolean(),
  }),
  verify: z.strictObject({ name: text.exactOptional(), repair: z.boolean() }),
  prefetch: z.strictObject({ names, platforms: z.union([z.literal("all"), names]) }),
  stats: z.strictObject({ sinceMs: time.exactOptional() }),
  listUpstreams: z.strictObject({}),
  testUpstream: z.strictObject({ name: text.exactOptional() }),
};

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(argsSchemas, name);
}

const listing = { event: ["size"], result: ["count"] };

/**
 * What events and results are known by; without it, another version speaks. The rest is not
 * checked: it comes from this program.
 */
const marks: { [Name in OperationName]: { event?: string[]; result: string[] | "list" } } = {
  listRepositories: listing,
  listTags: listing,
  listBlobs: listing,
  show: { result: ["name", "pins", "pinnedByRules", "otherTags"] },
  remove: { result: "list" },
  pin: { result: ["name", "createdAt", "present"] },
  unpin: { result: ["removed"] },
  listPins: { result: "list" },
  evict: { event: ["kind", "fate", "reason", "names"], result: ["bytes", "bytesLeft", "reached"] },
  verify: { event: ["done", "total"], result: ["blobs", "bytes", "damaged"] },
  prefetch: { event: ["kind", "name", "state"], result: ["names", "fetchedBytes"] },
  stats: { result: ["space", "counts", "traffic", "downloads", "integrity"] },
  listUpstreams: { result: "list" },
  testUpstream: { event: ["upstream", "step", "outcome"], result: ["upstreams"] },
};

export function isEvent<Name extends OperationName>(
  name: Name,
  value: unknown,
): value is OperationEvent<Name> {
  const { event } = marks[name];
  return event !== undefined && hasKeys(value, event);
}

export function isResult<Name extends OperationName>(
  name: Name,
  value: unknown,
): value is OperationResult<Name> {
  const { result } = marks[name];
  return result === "list" ? Array.isArray(value) : hasKeys(value, result);
}

function hasKeys(value: unknown, keys: string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return keys.every((key) => Object.hasOwn(value, key));
}

const errorSchema = z.object({ code: z.string(), message: z.string() });

const messageSchema = z.union([
  z.strictObject({ event: z.unknown() }),
  z.strictObject({ result: z.unknown() }),
  z.strictObject({ error: errorSchema }),
]);

export type WireError = z.infer<typeof errorSchema>;
export type WireMessage = z.infer<typeof messageSchema>;

/** undefined: the line is none. */
export function parseMessage(line: string): WireMessage | undefined {
  const value = parseJson(line);
  return messageSchema.safeParse(value).data;
}

/** undefined: it is no JSON. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Whoever can open the socket may know all, so no message is kept back. */
export function toWireError(error: unknown): WireError {
  const code = error instanceof RegistryError ? error.code : "UNKNOWN";
  return { code, message: Error.isError(error) ? error.message : String(error) };
}

const errorCodes = {
  BLOB_UNKNOWN: true,
  DENIED: true,
  DIGEST_INVALID: true,
  MANIFEST_INVALID: true,
  MANIFEST_UNKNOWN: true,
  NAME_INVALID: true,
  NAME_UNKNOWN: true,
  PAGINATION_NUMBER_INVALID: true,
  RANGE_INVALID: true,
  TAG_INVALID: true,
  TOOMANYREQUESTS: true,
  UNAVAILABLE: true,
  UNKNOWN: true,
  UNSUPPORTED: true,
  UPSTREAM_INVALID: true,
  UPSTREAM_TIMEOUT: true,
} satisfies Record<ErrorCode, true>;

export function fromWireError({ code, message }: WireError): RegistryError {
  return new RegistryError(isErrorCode(code) ? code : "UNKNOWN", message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
