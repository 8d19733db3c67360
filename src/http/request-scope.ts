import { AsyncLocalStorage } from "node:async_hooks";
import type { QualifiedName } from "../oci/repository-name.ts";
import type { CacheStatus } from "../registry/repository.ts";

/** What becomes known of a request while it is answered: for its log line, and for counting it. */
export interface RequestRecord {
  readonly requestId: string;
  /** Which kind of route it takes; never the path itself. */
  route: string;
  /** As the client named it. */
  repository?: string;
  /** Under which it is counted. */
  repositoryKey?: QualifiedName;
  reference?: string;
  cache?: CacheStatus;
  /** Why it did not get what it asked for. */
  error?: string;
  /** Of the body, as handed to the socket. */
  bytes: number;
  upstreamAttempts: number;
}

type RequestFacts = Partial<Omit<RequestRecord, "requestId" | "bytes" | "upstreamAttempts">>;

/** Knows, from anywhere below a request's handler, which request it is. Outside of one it does nothing. */
export class RequestScope {
  readonly #storage = new AsyncLocalStorage<RequestRecord>();

  run<Result>(record: RequestRecord, work: () => Result): Result {
    return this.#storage.run(record, work);
  }

  current(): RequestRecord | undefined {
    return this.#storage.getStore();
  }

  note(facts: RequestFacts): void {
    Object.assign(this.current() ?? {}, facts);
  }

  noteUpstreamAttempt(): void {
    const record = this.current();
    if (record) record.upstreamAttempts += 1;
  }

  /** For the logger's mixin, so that every line of a request carries its id. */
  logBindings(): { requestId?: string } {
    const record = this.current();
    return record ? { requestId: record.requestId } : {};
  }
}
