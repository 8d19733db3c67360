import type { ClientSetup } from "./client-setup.ts";
import type { Mirror } from "./mirror.ts";
import { registriesFile } from "./registries-conf.ts";

export function setUpPodman(mirror: Mirror): ClientSetup {
  return {
    title: "Podman, Buildah",
    files: [registriesFile(mirror)],
    snippets: [],
    afterwards: [],
    notes: ["The file is read with each pull; nothing has to be restarted."],
  };
}

export function setUpSkopeo(mirror: Mirror): ClientSetup {
  return {
    title: "Skopeo",
    files: [registriesFile(mirror)],
    snippets: [],
    afterwards: [],
    notes: [
      "The file is read with each call; nothing has to be restarted.",
      "Lists of tags are asked of the registry itself: skopeo inspect --no-tags does without.",
    ],
  };
}

export function setUpCrio(mirror: Mirror): ClientSetup {
  return {
    title: "CRI-O",
    files: [registriesFile(mirror)],
    snippets: [],
    afterwards: ["sudo systemctl reload crio"],
    notes: [],
  };
}
