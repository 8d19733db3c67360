import type { ClientSetup } from "./client-setup.ts";
import { hostsFiles } from "./hosts-toml.ts";
import { mirrorsAll, namedUpstreams, suffixPatterns, type Mirror } from "./mirror.ts";

/** Where containerd's own settings are. */
export const containerdConfig = "/etc/containerd/config.toml";

const directory = "/etc/containerd/certs.d";

const configPath = `# containerd 1.x, version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${directory}"

# containerd 2.x, version = 3
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "${directory}"
`;

export function setUpContainerd(mirror: Mirror): ClientSetup {
  const isForAll = mirrorsAll(mirror);
  const upstreams = [...namedUpstreams(mirror), ...(isForAll ? ["*"] : [])];
  const patterns = isForAll ? [] : suffixPatterns(mirror);
  return {
    title: "containerd",
    files: hostsFiles(mirror, directory, upstreams),
    snippets: [
      {
        where: `${containerdConfig}, once, for Kubernetes; then restart containerd`,
        text: configPath,
      },
    ],
    afterwards: [],
    notes: [
      "Changes in certs.d need no restart.",
      `nerdctl reads these files by itself; for ctr: ctr images pull --hosts-dir ${directory} NAME`,
      ...patterns.map(
        (pattern) => `${pattern} needs a directory in ${directory} for each of its hosts.`,
      ),
    ],
  };
}

/** Whether containerd's own configuration leads Kubernetes to the files that are set up. */
export function leadsToHostsFiles(config: string): boolean {
  const paths = config.matchAll(/^\s*config_path\s*=\s*["']([^"']*)["']/gm);
  return [...paths].some(([, path = ""]) => path.split(":").some(isDirectory));
}

function isDirectory(path: string): boolean {
  return path.replace(/\/+$/, "") === directory;
}
