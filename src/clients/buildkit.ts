import type { TomlTable } from "smol-toml";
import type { ClientFile, ClientSetup } from "./client-setup.ts";
import {
  isLoopback,
  isPlain,
  locationOf,
  mirrorsAll,
  namedUpstreams,
  suffixPatterns,
  type Mirror,
} from "./mirror.ts";
import { listAt, mergeToml, parseToml, quote, tableAt } from "./toml.ts";

const path = "/etc/buildkit/buildkitd.toml";

/** https://github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md */
export function setUpBuildkit(mirror: Mirror): ClientSetup {
  const patterns = [...suffixPatterns(mirror), ...(mirrorsAll(mirror) ? ["*"] : [])];
  return {
    title: "BuildKit",
    files: [buildkitFile(mirror)],
    snippets: [],
    afterwards: ["sudo systemctl restart buildkit"],
    notes: [
      `A builder of docker buildx takes the file when it is made: docker buildx create --use --driver docker-container --buildkitd-config ${path}`,
      "The builder that is part of Docker takes Docker's settings.",
      ...(isLoopback(mirror)
        ? [
            "In a builder's container, this mirror's address is the container itself: name another with --url.",
          ]
        : []),
      ...patterns.map(
        (pattern) =>
          `${pattern} is left out: BuildKit has no patterns; add an entry for each host.`,
      ),
    ],
  };
}

function buildkitFile(mirror: Mirror): ClientFile {
  const hosts = namedUpstreams(mirror);
  const text = freshText(mirror, hosts);
  return {
    path,
    upstreams: hosts,
    text,
    merge: (existing) => mergeToml(existing, text, (table) => addUpstreams(table, hosts, mirror)),
    findUpstreams: (existing) => {
      const registries = tableAt(parseToml(existing), "registry");
      return hosts.filter((host) =>
        listAt(tableAt(registries, host), "mirrors").includes(mirrorPath(host, mirror)),
      );
    },
  };
}

function freshText(mirror: Mirror, hosts: string[]): string {
  const blocks = hosts.flatMap((host) => [
    `[registry.${quote(host)}]`,
    `  mirrors = [${quote(mirrorPath(host, mirror))}]`,
    "",
  ]);
  const plain = ["# Plain HTTP.", `[registry.${quote(locationOf(mirror))}]`, "  http = true", ""];
  return [
    "# What is pulled from these registries is asked of the mirror first.",
    ...blocks,
    ...(isPlain(mirror) ? plain : []),
  ].join("\n");
}

function addUpstreams(table: TomlTable, hosts: string[], mirror: Mirror): TomlTable {
  const registries = { ...tableAt(table, "registry") };
  for (const host of hosts) {
    const registry = tableAt(registries, host);
    const mirrors = listAt(registry, "mirrors");
    const added = mirrorPath(host, mirror);
    if (!mirrors.includes(added)) registries[host] = { ...registry, mirrors: [added, ...mirrors] };
  }
  const own = tableAt(registries, locationOf(mirror));
  if (isPlain(mirror)) registries[locationOf(mirror)] = { ...own, http: true };
  return { ...table, registry: registries };
}

function mirrorPath(host: string, mirror: Mirror): string {
  return `${locationOf(mirror)}/${host}`;
}
