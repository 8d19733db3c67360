import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Referrer } from "../oci/referrer.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { Accounts } from "./accounts.ts";
import { fetchBlobSize, type BlobRequest, type WantedRange } from "./blob-requests.ts";
import { ConnectionSlots } from "./connection-slots.ts";
import type { CredentialSource } from "./credentials.ts";
import type { AddressGuard } from "./egress/address-guard.ts";
import type { Endpoint } from "./endpoint.ts";
import { fetchManifest, fetchManifestHead } from "./manifest-requests.ts";
import { openEndpoints, type EndpointSettings } from "./open-endpoints.ts";
import { RealmTrust } from "./realm-trust.ts";
import { fetchReferrers } from "./referrer-requests.ts";
import { openRemoteBlob, type EndpointBlob } from "./remote-blob.ts";
import { Rounds, type Task } from "./rounds.ts";
import { SteadyBlob } from "./steady-blob.ts";
import { fetchTags } from "./tag-requests.ts";
import {
  UpstreamError,
  type Budget,
  type ManifestHead,
  type ParallelRanges,
  type RemoteBlob,
  type TagPage,
  type Upstream,
  type UpstreamStatus,
} from "./upstream.ts";

export interface RegistryUpstreamOptions {
  /** Canonical: docker.io. */
  host: string;
  /** In the order they are to be tried; one or more, and of those one or more with full trust. */
  endpoints: readonly EndpointSettings[];
  /** fastest: in the order of what was measured of them lately. */
  strategy: "ordered" | "fastest";
  /** None: it is asked as nobody. */
  accounts: readonly CredentialSource[];
  /** Hosts that may have the credentials besides the registry's own domain. */
  tokenRealms: readonly string[];
  /** Requests at a time, 2 or more. */
  connections: number;
  /** Of those, for one blob of `parallelFromBytes` or more. */
  connectionsPerBlob: number;
  parallelFromBytes: number;
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  stallTimeoutMs: number;
  /** A blob that comes slower for `minRateForMs` goes on from another endpoint; 0: never. */
  minBytesPerSecond: number;
  minRateForMs: number;
  /** Of a request, after the first try of each endpoint. */
  retries: number;
  /** A longer Retry-After is not waited for. */
  maxRetryWaitMs: number;
  /** Of a registry that a client named; undefined: every address may be reached. */
  guard: AddressGuard | undefined;
  clock: Clock;
  random?: () => number;
  log: Logger;
  /** Called for every HTTP request: to registry, token server or where they redirect. */
  onAttempt?: () => void;
  /** Told of the bytes of blobs and manifests as they come; of a manifest once it is whole. */
  onReceived?: (bytes: number) => void;
  /** Told of every endpoint that sent something else than what the digest says. */
  onLie?: (endpoint: string) => void;
}

/** A registry over HTTP. */
export class RegistryUpstream implements Upstream {
  readonly host: string;
  readonly isLetIn: boolean;
  readonly parallelRanges: ParallelRanges;
  readonly #options: RegistryUpstreamOptions;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #held = new AsyncDisposableStack();
  readonly #accounts: Accounts;
  readonly #endpoints: readonly Endpoint[];
  readonly #slots: ConnectionSlots;
  readonly #rounds: Rounds;

  constructor(options: RegistryUpstreamOptions) {
    const { host, clock, random = Math.random, onAttempt = () => {}, onLie = () => {} } = options;
    this.host = host;
    this.isLetIn = options.guard !== undefined;
    const { connectionsPerBlob, parallelFromBytes } = options;
    this.parallelRanges = { connectionsPerBlob, parallelFromBytes };
    this.#options = options;
    this.#log = options.log.child({ upstream: host });
    this.#accounts = new Accounts({ sources: options.accounts, clock });
    const log = this.#log;
    const [accounts, { signal }] = [this.#accounts, this.#closing];
    const realmTrust = new RealmTrust({ ...options, log });
    this.#endpoints = openEndpoints(
      { ...options, accounts, realmTrust, log, signal, onAttempt, onLie },
      this.#held,
    );
    const slots = new ConnectionSlots(options.connections);
    this.#slots = slots;
    this.#rounds = new Rounds({ ...options, endpoints: this.#endpoints, slots, random });
  }

  get hasSpareConnection(): boolean {
    return this.#slots.hasSpare;
  }

  headManifest(name: RepositoryName, reference: Reference): Promise<ManifestHead | undefined> {
    const request = { ...this.#about(name), reference };
    return this.#askBriefly("full", (endpoint) => fetchManifestHead(endpoint, request));
  }

  getManifest(
    name: RepositoryName,
    reference: Reference,
    trust?: "full",
  ): Promise<Manifest | undefined> {
    const request = { ...this.#about(name), reference };
    const proven = reference.kind === "digest" ? "any" : "full";
    return this.#askBriefly(trust ?? proven, (endpoint) => fetchManifest(endpoint, request));
  }

  headBlob(
    name: RepositoryName,
    digest: Digest,
  ): Promise<{ size: number | undefined } | undefined> {
    const request = { ...this.#about(name), digest };
    return this.#askBriefly("full", (endpoint) => fetchBlobSize(endpoint, request));
  }

  listTags(name: RepositoryName, query: URLSearchParams): Promise<TagPage | undefined> {
    const request = { ...this.#about(name), query };
    return this.#askBriefly("full", (endpoint) => fetchTags(endpoint, request));
  }

  listReferrers(name: RepositoryName, subject: Digest): Promise<Referrer[] | undefined> {
    const request = { ...this.#about(name), subject };
    return this.#askBriefly("full", (endpoint) => fetchReferrers(endpoint, request));
  }

  async openBlob(
    name: RepositoryName,
    digest: Digest,
    range: WantedRange,
    signal: AbortSignal,
  ): Promise<RemoteBlob | undefined> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const request = { ...this.#about(name), digest, signal: either };
    const blob = await this.#rounds.run(blobTask(request, range));
    if (!blob || this.#options.minBytesPerSecond === 0) return blob;
    return this.#endpoints.length === 1 ? blob : this.#keepSteady(blob, request, range);
  }

  distrust(names: readonly string[]): void {
    const senders = this.#endpoints.filter(({ name }) => names.includes(name));
    const suspects = senders.filter(({ trust }) => trust === "content");
    for (const endpoint of suspects.length > 0 ? suspects : senders) endpoint.noteLie();
  }

  get budget(): Budget | undefined {
    return this.#accounts.budget;
  }

  describe(): UpstreamStatus {
    return {
      host: this.host,
      strategy: this.#options.strategy,
      endpoints: this.#endpoints.map((endpoint) => endpoint.describe()),
      accounts: this.#accounts.describe(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new UpstreamError("unreachable", "the upstream client was closed"));
    await this.#held.disposeAsync();
  }

  #askBriefly<Result>(
    trust: "full" | "any",
    attempt: (endpoint: Endpoint) => Promise<Result | undefined>,
  ): Promise<Result | undefined> {
    return this.#rounds.run({ kind: "small", trust, signal: this.#closing.signal, attempt });
  }

  #keepSteady(first: EndpointBlob, request: BlobRequest, range: WantedRange): RemoteBlob {
    const tried = new Set([first.endpoint]);
    const log = this.#log.child({ digest: request.digest });
    const openOther = (start: number, over: AbortSignal) => {
      const signal = AbortSignal.any([request.signal, over]);
      const task = blobTask({ ...request, signal }, { ...range, start });
      const attempt: typeof task.attempt = (endpoint, slot) => {
        tried.add(endpoint);
        return task.attempt(endpoint, slot);
      };
      return this.#rounds.tryOthers({ ...task, attempt }, tried);
    };
    return new SteadyBlob({ ...this.#options, first, openOther, log });
  }

  #about(name: RepositoryName): Omit<BlobRequest, "digest"> {
    const { clock, onReceived = () => {} } = this.#options;
    return { repository: name, signal: this.#closing.signal, clock, onReceived };
  }
}

function blobTask(request: BlobRequest, range: WantedRange): Task<EndpointBlob> {
  return {
    kind: "blob",
    trust: "any",
    isKnown: range.start > 0,
    signal: request.signal,
    attempt: (endpoint, slot) => openRemoteBlob(endpoint, request, range, slot),
  };
}
