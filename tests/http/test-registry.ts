import { createApp } from "../../src/http/app.ts";
import type { FrontPageInfo } from "../../src/http/front-page.ts";
import type { Health } from "../../src/http/health.ts";
import { RequestScope } from "../../src/http/request-scope.ts";
import { BlobSender } from "../../src/http/send-blob.ts";
import { RegistryServer } from "../../src/http/server.ts";
import { createLogs } from "../../src/log.ts";
import { RegistryError } from "../../src/oci/errors.ts";
import { Catalog } from "../../src/registry/catalog.ts";
import type { RepositoryRequest } from "../../src/registry/repository-directory.ts";
import type { AnsweredRequest } from "../../src/registry/statistics.ts";
import { MemoryRepository } from "../support/memory-repository.ts";
import { LogRecorder } from "./log-recorder.ts";

/** The HTTP layer over one repository in memory, which answers to every name. */
export class TestRegistry {
  readonly repository = new MemoryRepository();
  /** What the directory was asked for. */
  readonly lookups: Omit<RepositoryRequest, "host">[] = [];
  readonly logs = new LogRecorder();
  /** What was counted. */
  readonly answered: AnsweredRequest[] = [];
  readonly scope = new RequestScope();
  readonly page: FrontPageInfo = { publicUrl: undefined, upstreams: ["docker.io"] };
  now = 1_000_000;
  isDraining = false;
  health: () => Health = () => ({ status: "ok" });
  readonly app = createApp({
    directory: {
      find: (request) => this.#find(request),
      get: () => this.repository,
      recallManifest: (_, reference) => this.repository.recallManifest(reference),
      findRegistry: ({ namespace }) => this.#findRegistry(namespace),
      nameFor: (key) => key,
    },
    catalog: new Catalog({ inventory: { listRepositories: async () => [this.repository.key] } }),
    ...createLogs({
      level: "debug",
      format: "json",
      mixin: () => this.scope.logBindings(),
      destination: this.logs,
    }),
    scope: this.scope,
    clock: { now: () => this.now, monotonic: () => this.now, sleep: () => Promise.resolve() },
    health: () => this.health(),
    page: this.page,
    blobs: new BlobSender(undefined),
    isDraining: () => this.isDraining,
    onAnswered: (answer) => this.answered.push(answer),
  });

  listen(timeouts: { headersTimeoutMs?: number; idleTimeoutMs?: number } = {}) {
    const { headersTimeoutMs = 10_000, idleTimeoutMs = 10_000 } = timeouts;
    const address = { host: "127.0.0.1", port: 0 };
    return RegistryServer.listen({
      listener: this.app,
      ...address,
      headersTimeoutMs,
      idleTimeoutMs,
    });
  }

  #find({ name, namespace }: RepositoryRequest): MemoryRepository {
    this.lookups.push({ name, namespace });
    return this.repository;
  }

  #findRegistry(namespace: string | undefined): string | undefined {
    if (namespace === undefined || namespace === "docker.io") return namespace;
    throw new RegistryError("NAME_UNKNOWN", "namespace is not mirrored here");
  }
}
