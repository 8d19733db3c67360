import type { Clock } from "../clock.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { readBoundedBody } from "./bounded-body.ts";
import type { Endpoint } from "./endpoint.ts";
import { notFoundOrFailure } from "./status-failure.ts";
import { findNextQuery } from "./link-header.ts";
import { UpstreamError, type TagPage } from "./upstream.ts";

export interface TagsRequest {
  repository: RepositoryName;
  query: URLSearchParams;
  signal: AbortSignal;
  clock: Clock;
}

const maxAnswerBytes = 16 * 1024 * 1024;

/** undefined: 404. Throws UpstreamError. */
export async function fetchTags(
  endpoint: Endpoint,
  { repository, query, signal, clock }: TagsRequest,
): Promise<TagPage | undefined> {
  const path = query.size === 0 ? "tags/list" : `tags/list?${query.toString()}`;
  const headers = { accept: "application/json" };
  const response = await endpoint.fetch({ method: "GET", repository, path, headers, signal });
  if (response.status !== 200) return notFoundOrFailure(response, clock.now());
  const tags = readTags(await readBoundedBody(response, maxAnswerBytes), response.url.origin);
  return { tags, next: findNextQuery(response.headers["link"], response.url) };
}

function readTags(body: Buffer, origin: string): string[] {
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch (error) {
    throw new UpstreamError("invalid", `${origin}: tag list is not JSON`, { cause: error });
  }
  const tags = readField(document, "tags");
  // Nexus writes null for an empty list.
  if (tags === null) return [];
  if (isStrings(tags)) return tags;
  throw new UpstreamError("invalid", `${origin}: tag list holds no list of tags`);
}

function readField(document: unknown, field: string): unknown {
  if (typeof document !== "object" || document === null) return undefined;
  return new Map<string, unknown>(Object.entries(document)).get(field);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}
