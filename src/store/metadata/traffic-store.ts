import type { QualifiedName } from "../../oci/repository-name.ts";

/** Requests that one repository answered in one way on one day, or within one flush of it. */
export interface Traffic {
  /** Start of the day, UTC, in milliseconds since 1970. */
  day: number;
  /** undefined: for what belongs to no repository. */
  repository: QualifiedName | undefined;
  kind: "manifest" | "blob" | "tags";
  /** As in `X-Cache`, or ERROR for what was answered with an error. */
  outcome: "HIT" | "MISS" | "REVALIDATED" | "STALE" | "PASS" | "ERROR";
  requests: number;
  /** Of bodies sent to clients. */
  bytes: number;
}

/** What came from upstream on one day. */
export interface Intake {
  day: number;
  /** Of blobs and manifests. */
  bytes: number;
}

/** Counts that outlive the process. Errors come as MetadataError. */
export interface TrafficStore {
  /** Adds to what is there, in one step. */
  addTraffic(traffic: readonly Traffic[], intake: readonly Intake[]): Promise<void>;
  /** Of days from `since` on: summed up over the days and repositories. */
  sumTraffic(since: number): Promise<Pick<Traffic, "kind" | "outcome" | "requests" | "bytes">[]>;
  sumIntake(since: number): Promise<number>;
  /** Most bytes first. */
  listTopRepositories(
    since: number,
    limit: number,
  ): Promise<{ repository: QualifiedName; requests: number; bytes: number }[]>;
  /** Forgets days before `day`. */
  deleteTrafficBefore(day: number): Promise<void>;
}
