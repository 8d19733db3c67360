import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { Authorizer } from "./authorizer.ts";
import { fetchBlobSize, type BlobRequest, type WantedRange } from "./blob-requests.ts";
import { ConnectionSlots } from "./connection-slots.ts";
import type { Credentials } from "./credentials.ts";
import { Endpoint } from "./endpoint.ts";
import { fetchManifest, fetchManifestHead } from "./manifest-requests.ts";
import { RealmTrust } from "./realm-trust.ts";
import { openRemoteBlob } from "./remote-blob.ts";
import { Rounds } from "./rounds.ts";
import { fetchTags } from "./tag-requests.ts";
import { fetchToken } from "./token-server.ts";
import { Tokens } from "./tokens.ts";
import { Transport } from "./transport.ts";
import {
  UpstreamError,
  type ManifestHead,
  type RemoteBlob,
  type TagPage,
  type Upstream,
} from "./upstream.ts";

export interface RegistryUpstreamOptions {
  /** Canonical: docker.io. */
  host: string;
  /** Base URLs, in the order they are to be tried; one or more. */
  endpoints: readonly string[];
  credentials: Credentials | undefined;
  /** Hosts that may have the credentials besides the registry's own domain. */
  tokenRealms: readonly string[];
  /** Requests at a time, 2 or more. */
  connections: number;
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  stallTimeoutMs: number;
  /** Of a request, after the first try of each endpoint. */
  retries: number;
  /** A longer Retry-After is not waited for. */
  maxRetryWaitMs: number;
  clock: Clock;
  random?: () => number;
  log: Logger;
  /** Called for every HTTP request: to registry, token server or where they redirect. */
  onAttempt?: () => void;
  /** Told of the bytes of blobs and manifests as they come; of a manifest once it is whole. */
  onReceived?: (bytes: number) => void;
}

/** A registry over HTTP. */
export class RegistryUpstream implements Upstream {
  readonly host: string;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #transport: Transport;
  readonly #endpoints: readonly Endpoint[];
  readonly #rounds: Rounds;
  readonly #onReceived: (bytes: number) => void;

  constructor(options: RegistryUpstreamOptions) {
    const { host, clock, random = Math.random, onAttempt = () => {} } = options;
    this.host = host;
    this.#clock = clock;
    this.#onReceived = options.onReceived ?? (() => {});
    this.#transport = new Transport({ ...options, onAttempt });
    const log = options.log.child({ upstream: host });
    const trust = new RealmTrust({ ...options, log });
    this.#endpoints = options.endpoints.map((url) =>
      this.#makeEndpoint(new URL(url), trust, log, options.credentials),
    );
    const slots = new ConnectionSlots(options.connections);
    this.#rounds = new Rounds({ ...options, endpoints: this.#endpoints, slots, random });
  }

  headManifest(name: RepositoryName, reference: Reference): Promise<ManifestHead | undefined> {
    const request = { ...this.#about(name), reference };
    return this.#askBriefly((endpoint) => fetchManifestHead(endpoint, request));
  }

  getManifest(name: RepositoryName, reference: Reference): Promise<Manifest | undefined> {
    const request = { ...this.#about(name), reference };
    return this.#askBriefly((endpoint) => fetchManifest(endpoint, request));
  }

  headBlob(
    name: RepositoryName,
    digest: Digest,
  ): Promise<{ size: number | undefined } | undefined> {
    const request = { ...this.#about(name), digest };
    return this.#askBriefly((endpoint) => fetchBlobSize(endpoint, request));
  }

  listTags(name: RepositoryName, query: URLSearchParams): Promise<TagPage | undefined> {
    const request = { ...this.#about(name), query };
    return this.#askBriefly((endpoint) => fetchTags(endpoint, request));
  }

  openBlob(
    name: RepositoryName,
    digest: Digest,
    range: WantedRange,
    signal: AbortSignal,
  ): Promise<RemoteBlob | undefined> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const request = { ...this.#about(name), digest, signal: either };
    return this.#rounds.run({
      kind: "blob",
      signal: either,
      attempt: (endpoint, slot) => openRemoteBlob(endpoint, request, range, slot),
    });
  }

  distrust(name: string): void {
    this.#endpoints.find((endpoint) => endpoint.name === name)?.distrust();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new UpstreamError("unreachable", "the upstream client was closed"));
    await this.#transport[Symbol.asyncDispose]();
  }

  #askBriefly<Result>(attempt: (endpoint: Endpoint) => Promise<Result>): Promise<Result> {
    return this.#rounds.run({ kind: "small", signal: this.#closing.signal, attempt });
  }

  #about(name: RepositoryName): Omit<BlobRequest, "digest"> {
    return {
      repository: name,
      signal: this.#closing.signal,
      clock: this.#clock,
      onReceived: this.#onReceived,
    };
  }

  #makeEndpoint(
    base: URL,
    trust: RealmTrust,
    log: Logger,
    credentials: Credentials | undefined,
  ): Endpoint {
    const [transport, clock] = [this.#transport, this.#clock];
    const credentialsFor = (realm: URL) => trust.credentialsFor(realm, base);
    const asking = { transport, clock, credentialsFor, signal: this.#closing.signal };
    const tokens = new Tokens((request) => fetchToken(request, asking), clock);
    const authorizer = new Authorizer(tokens, credentials);
    return new Endpoint({ base, transport, authorizer, log, clock });
  }
}
