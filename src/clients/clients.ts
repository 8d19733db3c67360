import { setUpBuildkit } from "./buildkit.ts";
import type { ClientSetup } from "./client-setup.ts";
import { setUpContainerd } from "./containerd.ts";
import { setUpDocker } from "./docker.ts";
import { setUpK3s } from "./k3s.ts";
import { setUpKaniko } from "./kaniko.ts";
import type { Mirror } from "./mirror.ts";
import { setUpCrio, setUpPodman, setUpSkopeo } from "./podman.ts";

const setups = {
  docker: setUpDocker,
  containerd: setUpContainerd,
  podman: setUpPodman,
  skopeo: setUpSkopeo,
  crio: setUpCrio,
  k3s: setUpK3s,
  buildkit: setUpBuildkit,
  kaniko: setUpKaniko,
} as const;

export type ClientName = keyof typeof setups;

export const clientNames: readonly ClientName[] = [
  "docker",
  "containerd",
  "podman",
  "skopeo",
  "crio",
  "k3s",
  "buildkit",
  "kaniko",
];

export function setUpClient(name: ClientName, mirror: Mirror): ClientSetup {
  return setups[name](mirror);
}

/** Each file once: those that share one are one entry. */
export function listSetups(mirror: Mirror): { name: ClientName; setup: ClientSetup }[] {
  const names = ["docker", "containerd", "podman", "k3s", "buildkit", "kaniko"] as const;
  return names.map((name) => ({ name, setup: titled(name, setUpClient(name, mirror)) }));
}

function titled(name: ClientName, setup: ClientSetup): ClientSetup {
  if (name !== "podman") return setup;
  const notes = [...setup.notes, "CRI-O has to be reloaded: sudo systemctl reload crio"];
  return { ...setup, title: "Podman, Buildah, Skopeo, CRI-O", notes };
}
