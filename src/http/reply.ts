import type { OutgoingHttpHeaders } from "node:http";
import type { CacheStatus } from "../registry/repository.ts";
import type { BlobBody } from "./send-blob.ts";

/** An answer before it is sent. The same for GET and HEAD: sending leaves the body out for HEAD. */
export interface Reply {
  status: number;
  /** Complete, with Content-Length of the body for all but 304. */
  headers: OutgoingHttpHeaders;
  body?: Uint8Array | BlobBody;
  cache?: CacheStatus;
}

export function jsonReply(status: number, value: unknown): Reply {
  return textReply(status, "application/json", JSON.stringify(value));
}

export function textReply(status: number, contentType: string, text: string): Reply {
  const body = Buffer.from(text);
  return { status, headers: { "Content-Type": contentType, "Content-Length": body.length }, body };
}
