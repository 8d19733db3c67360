import { dockerHub } from "../oci/docker-hub.ts";

/** Registries whose API is not at the host by which everybody names them. */
const endpoints: ReadonlyMap<string, string> = new Map([
  [dockerHub, "https://registry-1.docker.io"],
]);

/** Where the API of the registry with this canonical host is, as long as nobody says otherwise. */
export function presetEndpoint(host: string): string {
  return endpoints.get(host) ?? `https://${host}`;
}
