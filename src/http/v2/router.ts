import type { IncomingMessage, ServerResponse } from "node:http";
import { formatReference } from "../../oci/reference.ts";
import type { RepositoryDirectory } from "../../registry/repository-directory.ts";
import { jsonReply, type Reply } from "../reply.ts";
import type { RequestScope } from "../request-scope.ts";
import type { Responder } from "../responder.ts";
import { answerBlob } from "./blobs.ts";
import { answerManifest } from "./manifests.ts";
import { parseRoute, type Route } from "./path.ts";
import { answerTags } from "./tags.ts";

interface RegistryApiOptions {
  directory: RepositoryDirectory;
  responder: Responder;
  scope: RequestScope;
}

/** Answers whatever `isRegistryUrl` holds for. */
export function createRegistryApi({ directory, responder, scope }: RegistryApiOptions) {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<Reply> {
    const route = parseRoute(request.method, request.url ?? "");
    scope.note(describeRoute(route));
    if (route.kind === "version") return jsonReply(200, {});
    const repository = directory.find(route);
    scope.note({ repositoryKey: repository.key });
    if (route.namespace !== undefined) response.setHeader("OCI-Namespace", route.namespace);
    if (route.kind === "blob") return answerBlob(repository, route.digest, request);
    if (route.kind === "tags") return answerTags(repository, route);
    return answerManifest(repository, route.reference, request.headers);
  }

  return (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    return responder.respond(request, response, () => answer(request, response));
  };
}

/** For the log: only what was checked. */
function describeRoute(route: Route) {
  const { kind } = route;
  if (kind === "version") return { route: kind };
  if (kind === "tags") return { route: kind, repository: route.name };
  const reference = kind === "blob" ? route.digest : formatReference(route.reference);
  return { route: kind, repository: route.name, reference };
}
