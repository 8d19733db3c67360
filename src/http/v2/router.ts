import type { IncomingMessage, ServerResponse } from "node:http";
import { formatReference } from "../../oci/reference.ts";
import type { Catalog } from "../../registry/catalog.ts";
import type { RepositoryDirectory } from "../../registry/repository-directory.ts";
import type { Repository } from "../../registry/repository.ts";
import { jsonReply, type Reply } from "../reply.ts";
import type { RequestScope } from "../request-scope.ts";
import type { Responder } from "../responder.ts";
import { answerBlob } from "./blobs.ts";
import { answerCatalog } from "./catalog.ts";
import { answerManifest } from "./manifests.ts";
import { apiVersionHeader, type RecalledManifests } from "./recalled-manifests.ts";
import { findHost, parseRoute, type RepositoryRoute, type Route } from "./path.ts";
import { answerReferrers } from "./referrers.ts";
import { answerTags } from "./tags.ts";

interface RegistryApiOptions {
  directory: RepositoryDirectory;
  catalog: Catalog;
  responder: Responder;
  scope: RequestScope;
  recalled: RecalledManifests;
}

/** Answers whatever `isRegistryUrl` holds for. */
export function createRegistryApi(options: RegistryApiOptions) {
  const { directory, catalog, responder, scope, recalled } = options;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<Reply> {
    const { method, url = "", headers } = request;
    const route = parseRoute(method, url);
    scope.note(describeRoute(route));
    if (route.kind === "version") return jsonReply(200, {});
    const asked = { namespace: route.namespace, host: findHost(url, headers.host) };
    if (asked.namespace !== undefined) {
      // One that is not mirrored is refused here, as no namespace of ours.
      directory.findRegistry(asked);
      response.setHeader("OCI-Namespace", asked.namespace);
    }
    if (route.kind === "catalog") return answerCatalog({ catalog, directory }, asked, route.query);
    const repository = directory.find({ name: route.name, ...asked });
    scope.note({ repositoryKey: repository.key });
    const reply = await answerFrom(repository, route, request);
    if (route.kind === "manifest") recalled.learn(request, route, repository.key);
    return reply;
  }

  return (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader(...apiVersionHeader);
    return responder.respond(request, response, () => answer(request, response));
  };
}

function answerFrom(
  repository: Repository,
  route: RepositoryRoute,
  request: IncomingMessage,
): Promise<Reply> {
  if (route.kind === "blob") return answerBlob(repository, route.digest, request);
  if (route.kind === "tags") return answerTags(repository, route);
  if (route.kind === "referrers") return answerReferrers(repository, route);
  return answerManifest(repository, route.reference, request.headers);
}

/** For the log: only what was checked. */
function describeRoute(route: Route) {
  const { kind } = route;
  if (kind === "version" || kind === "catalog") return { route: kind };
  if (kind === "tags") return { route: kind, repository: route.name };
  const reference = kind === "manifest" ? formatReference(route.reference) : route.digest;
  return { route: kind, repository: route.name, reference };
}
