import { dockerHub } from "../oci/docker-hub.ts";
import type { ClientSetup } from "./client-setup.ts";
import { daemonFiles } from "./daemon-json.ts";
import { hostsFiles } from "./hosts-toml.ts";
import {
  isDockerHubDefault,
  locationOf,
  mirrorsAll,
  namedUpstreams,
  suffixPatterns,
  type Mirror,
} from "./mirror.ts";

export function setUpDocker(mirror: Mirror): ClientSetup {
  const isMirrorOfHub = isDockerHubDefault(mirror);
  const others = namedUpstreams(mirror).filter((host) => !isMirrorOfHub || host !== dockerHub);
  return {
    title: "Docker",
    files: [...daemonFiles(mirror), ...hostsFiles(mirror, "/etc/docker/certs.d", others)],
    snippets: [],
    afterwards: ["sudo systemctl reload docker", "docker info"],
    notes: [...hubNotes(mirror), ...otherNotes(mirror, others)],
  };
}

function hubNotes(mirror: Mirror): string[] {
  if (isDockerHubDefault(mirror)) {
    return [
      "docker info lists the mirror under Registry Mirrors; Docker asks it for Docker Hub only.",
    ];
  }
  const [first = ""] = mirror.upstreams;
  return [
    `There is no registry-mirrors: Docker would ask for Docker Hub's names, which here mean ${first}.`,
  ];
}

/** No `_default` here: with it dockerd no longer heeds `insecure-registries` for any registry. */
function otherNotes(mirror: Mirror, others: string[]): string[] {
  const patterns = [...suffixPatterns(mirror), ...(mirrorsAll(mirror) ? ["*"] : [])];
  const [example] = [...others, ...patterns.map((pattern) => pattern.replace("*", "HOST"))];
  if (example === undefined) return [];
  return [
    `What is not on Docker Hub, Docker pulls through the mirror by its name: docker pull ${locationOf(mirror)}/${example}/OWNER/NAME`,
    "Docker with the containerd image store also reads /etc/docker/certs.d/HOST/hosts.toml, and then " +
      "pulls through the mirror without that; others ignore these files.",
    ...patterns.map(
      (pattern) => `${pattern} needs a directory in /etc/docker/certs.d for each of its hosts.`,
    ),
  ];
}
