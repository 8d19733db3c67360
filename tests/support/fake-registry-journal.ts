import { EventEmitter } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

export type FakeServer = "registry" | "token" | "cdn";

/**
 * What a request asks for. A blob request at a registry that sends blobs from its CDN is a
 * "redirect"; "blob" is always one that blob bytes answer, wherever they come from.
 */
type RequestKind =
  "ping" | "manifest" | "blob" | "redirect" | "tags" | "referrers" | "token" | "other";

export interface JournalEntry {
  readonly server: FakeServer;
  readonly method: string;
  /** As it came, with its query. */
  readonly url: string;
  readonly kind: RequestKind;
  readonly repository: string | undefined;
  /** Tag or digest. */
  readonly reference: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Equal ones came over one connection. */
  readonly clientPort: number | undefined;
  /** undefined until the answer has begun. */
  status: number | undefined;
  /** Bytes of body handed to the socket. */
  bytesSent: number;
  /** The answer ended or the connection is gone. */
  ended: boolean;
}

/** All given fields must be equal, or the function must say yes. */
export type RequestMatch =
  | Partial<
      Pick<JournalEntry, "server" | "method" | "kind" | "repository" | "reference" | "status">
    >
  | ((entry: JournalEntry) => boolean);

export function matches(match: RequestMatch, entry: JournalEntry): boolean {
  if (typeof match === "function") return match(entry);
  const fields = new Map<string, unknown>(Object.entries(entry));
  return Object.entries(match).every(([key, value]) => fields.get(key) === value);
}

/** Everything the fake registry was asked, in order. */
export class Journal {
  readonly entries: JournalEntry[] = [];
  readonly #changes = new EventEmitter();

  list(match: RequestMatch = {}): JournalEntry[] {
    return this.entries.filter((entry) => matches(match, entry));
  }

  count(match: RequestMatch = {}): number {
    return this.list(match).length;
  }

  /** Bytes of body sent in answer to these requests. */
  bytesSent(match: RequestMatch = {}): number {
    return this.list(match).reduce((sum, entry) => sum + entry.bytesSent, 0);
  }

  /** `GET manifest latest 200`, one line a request: for whole-story assertions. */
  summary(match: RequestMatch = {}): string[] {
    return this.list(match).map(({ method, kind, reference, status }) =>
      [method, kind, reference, status].filter((part) => part !== undefined).join(" "),
    );
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** Resolves once `count` requests match; rejects after `timeoutMs`. */
  async waitFor(match: RequestMatch, count = 1, timeoutMs = 10_000): Promise<JournalEntry[]> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (this.count(match) < count) await this.#change(signal);
    return this.list(match);
  }

  add(entry: JournalEntry): void {
    this.entries.push(entry);
    this.changed();
  }

  changed(): void {
    this.#changes.emit("change");
  }

  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(new Error(`waited in vain; seen: ${this.summary().join(", ")}`));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#changes.once("change", () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }
}

const routes: [RegExp, RequestKind][] = [
  [/^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/]+)$/, "manifest"],
  [/^\/v2\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/, "blob"],
  [/^\/v2\/(?<repository>.+)\/tags\/list$/, "tags"],
  [/^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/, "referrers"],
  [/^\/v2\/?$/, "ping"],
  [/^\/cdn\/(?<repository>.+)\/(?<reference>[^/]+)$/, "blob"],
  [/^\/token$/, "token"],
];

export function describeRequest(
  server: FakeServer,
  request: IncomingMessage,
  redirectsBlobs: boolean,
): JournalEntry {
  const { method = "", url = "/", headers } = request;
  const { pathname } = new URL(url, "http://fake");
  const [kind, groups] = findRoute(pathname);
  return {
    server,
    method,
    url,
    kind: kind === "blob" && server === "registry" && redirectsBlobs ? "redirect" : kind,
    repository: groups["repository"],
    reference: groups["reference"],
    headers,
    clientPort: request.socket.remotePort,
    status: undefined,
    bytesSent: 0,
    ended: false,
  };
}

function findRoute(pathname: string): [RequestKind, Record<string, string>] {
  for (const [pattern, kind] of routes) {
    const match = pattern.exec(pathname);
    if (match) return [kind, match.groups ?? {}];
  }
  return ["other", {}];
}
