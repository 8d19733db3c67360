import type { ClientFile, ClientSetup } from "../../../src/clients/client-setup.ts";
import type { Mirror } from "../../../src/clients/mirror.ts";

/** One without TLS that mirrors Docker Hub and another. */
export const mirror: Mirror = {
  url: "http://mirror.lan:5000",
  upstreams: ["docker.io", "ghcr.io"],
};

/** Of a setup that has it. */
export function fileOf({ files }: ClientSetup, path: string): ClientFile {
  const found = files.find((file) => file.path === path);
  if (!found) throw new Error(`no ${path} among ${files.map((file) => file.path).join(", ")}`);
  return found;
}
