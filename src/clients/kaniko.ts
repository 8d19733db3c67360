import { dockerHub } from "../oci/docker-hub.ts";
import type { ClientSetup } from "./client-setup.ts";
import {
  isDockerHubDefault,
  isPlain,
  locationOf,
  mirrorsAll,
  namedUpstreams,
  suffixPatterns,
  type Mirror,
} from "./mirror.ts";

/** https://github.com/osscontainertools/kaniko#flag---registry-map */
export function setUpKaniko(mirror: Mirror): ClientSetup {
  const patterns = [...suffixPatterns(mirror), ...(mirrorsAll(mirror) ? ["*"] : [])];
  return {
    title: "kaniko",
    files: [],
    snippets: [
      {
        where: "arguments of the executor",
        text: flags(mirror)
          .map((flag) => `${flag}\n`)
          .join(""),
      },
    ],
    afterwards: [],
    notes: [
      ...(isDockerHubDefault(mirror)
        ? [
            `Before 1.23 kaniko knows no paths there; for Docker Hub: --registry-mirror=${locationOf(mirror)}`,
          ]
        : []),
      "With --skip-default-registry-fallback nothing is pulled past the mirror.",
      ...patterns.map(
        (pattern) =>
          `${pattern} is left out: kaniko has no patterns; add a --registry-map for each host.`,
      ),
    ],
  };
}

function flags(mirror: Mirror): string[] {
  const location = locationOf(mirror);
  const maps = namedUpstreams(mirror).map(
    (host) => `--registry-map=${host === dockerHub ? "index.docker.io" : host}=${location}/${host}`,
  );
  return [...maps, ...(isPlain(mirror) ? [`--insecure-registry=${location}`] : [])];
}
