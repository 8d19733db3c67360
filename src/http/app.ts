import type { IncomingMessage, ServerResponse } from "node:http";
import express from "express";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Catalog } from "../registry/catalog.ts";
import type { RepositoryDirectory } from "../registry/repository-directory.ts";
import type { AnsweredRequest } from "../registry/statistics.ts";
import { errorReply } from "./error-response.ts";
import { answerFrontPage, type FrontPageInfo } from "./front-page.ts";
import { answerHealth, type Health } from "./health.ts";
import { textReply, type Reply } from "./reply.ts";
import { logRequests } from "./request-log.ts";
import type { RequestScope } from "./request-scope.ts";
import { Responder } from "./responder.ts";
import { isRegistryUrl } from "./v2/path.ts";
import { createRegistryApi } from "./v2/router.ts";

interface AppOptions {
  directory: RepositoryDirectory;
  catalog: Catalog;
  log: Logger;
  scope: RequestScope;
  clock: Clock;
  health: () => Health;
  page: FrontPageInfo;
  /** While true, requests are refused; running ones go on. */
  isDraining: () => boolean;
  /** Told of every request for content that was answered, when its response has ended. */
  onAnswered?: (answer: AnsweredRequest) => void;
}

type Next = () => void;

/**
 * The registry listener. The registry API comes before Express's routing, which would halve its
 * rate; `etag` and `x-powered-by` are off for the same reason.
 */
export function createApp(options: AppOptions): express.Express {
  const { directory, catalog, log, scope, isDraining } = options;
  const responder = new Responder({ log, scope });
  const answerApi = createRegistryApi({ directory, catalog, responder, scope });
  const app = express();
  app.disable("etag").disable("x-powered-by").enable("case sensitive routing");
  app.use(logRequests(options));
  app.use((request: IncomingMessage, response: ServerResponse, next: Next) => {
    if (isDraining() && request.url !== "/healthz") {
      return responder.respond(request, response, refuseWhileDraining);
    }
    return isRegistryUrl(request.url ?? "") ? answerApi(request, response) : next();
  });
  app.get("/healthz", (request, response) => {
    scope.note({ route: "healthz" });
    return responder.respond(request, response, () => answerHealth(options.health(), isDraining()));
  });
  app.get("/", (request, response) => {
    scope.note({ route: "page" });
    return responder.respond(request, response, () => answerFrontPage(request, options.page));
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
