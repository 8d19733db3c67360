import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import express from "express";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Catalog } from "../registry/catalog.ts";
import type { RepositoryDirectory } from "../registry/repository-directory.ts";
import type { AnsweredRequest } from "../registry/statistics.ts";
import type { RequestLines } from "../request-lines.ts";
import { errorReply } from "./error-response.ts";
import { answerFrontPage, type FrontPageInfo } from "./front-page.ts";
import { answerHealth, type Health } from "./health.ts";
import { textReply, type Reply } from "./reply.ts";
import { readRequestId, RequestLog } from "./request-log.ts";
import type { RequestScope } from "./request-scope.ts";
import { Responder } from "./responder.ts";
import type { BlobSender } from "./send-blob.ts";
import { isRegistryUrl } from "./v2/path.ts";
import { RecalledManifests } from "./v2/recalled-manifests.ts";
import { createRegistryApi } from "./v2/router.ts";

interface AppOptions {
  directory: RepositoryDirectory;
  catalog: Catalog;
  log: Logger;
  requestLines: RequestLines;
  scope: RequestScope;
  clock: Clock;
  health: () => Health;
  page: FrontPageInfo;
  blobs: BlobSender;
  /** While true, requests are refused; running ones go on. */
  isDraining: () => boolean;
  /** Told of every request for content that was answered, when its response has ended. */
  onAnswered?: (answer: AnsweredRequest) => void;
}

/**
 * The registry listener. Manifests that are at hand come first, then the rest of the registry API;
 * only what is left goes through Express, which would halve the rate of all others.
 */
export function createApp(options: AppOptions): RequestListener {
  const { directory, log, scope, clock, isDraining } = options;
  const responder = new Responder({ log, scope, blobs: options.blobs });
  const requestLog = new RequestLog(options);
  const recalled = new RecalledManifests({ directory, log: requestLog, clock });
  const answerApi = createRegistryApi({ ...options, responder, recalled });
  const answerPages = createPages(options, responder);

  function answer(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    const { url = "" } = request;
    if (isDraining() && url !== "/healthz") {
      return responder.respond(request, response, refuseWhileDraining);
    }
    return isRegistryUrl(url) ? answerApi(request, response) : answerPages(request, response);
  }

  return (request, response) => {
    if (!isDraining() && recalled.answer(request, response)) return;
    const requestId = readRequestId(request);
    const record = { requestId, route: "unknown", bytes: 0, upstreamAttempts: 0 };
    requestLog.follow(request, response, record);
    response.setHeader("X-Request-Id", requestId);
    void scope.run(record, () => answer(request, response));
  };
}

/** `etag` and `x-powered-by` are off for what they cost. */
function createPages(
  { scope, health, page, isDraining }: AppOptions,
  responder: Responder,
): express.Express {
  const app = express();
  app.disable("etag").disable("x-powered-by").enable("case sensitive routing");
  app.get("/healthz", (request, response) => {
    scope.note({ route: "healthz" });
    return responder.respond(request, response, () => answerHealth(health(), isDraining()));
  });
  app.get("/", (request, response) => {
    scope.note({ route: "page" });
    return responder.respond(request, response, () => answerFrontPage(request, page));
  });
  app.use((request: IncomingMessage, response: ServerResponse) =>
    responder.respond(request, response, () => textReply(404, "text/plain", "not found\n")),
  );
  return app;
}

function refuseWhileDraining(): Reply {
  const reply = errorReply(new RegistryError("UNAVAILABLE", "this registry is shutting down"));
  return { ...reply, headers: { ...reply.headers, Connection: "close" } };
}
