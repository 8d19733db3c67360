/** One client's settings, ready to be pasted. */
export interface ClientSetting {
  title: string;
  where: string;
  text: string;
}

/** `url`: of this registry, without a slash at the end. */
export function clientSettings(url: string): ClientSetting[] {
  const location = url.replace(/^https?:\/\//, "");
  const isPlain = url.startsWith("http://");
  return [
    {
      title: "Docker",
      where: "/etc/docker/daemon.json, then systemctl reload docker",
      text: JSON.stringify({ "registry-mirrors": [url] }, null, 2),
    },
    {
      title: "containerd",
      where: "/etc/containerd/certs.d/docker.io/hosts.toml",
      text: `server = "https://registry-1.docker.io"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]`,
    },
    {
      title: "Podman, Buildah, CRI-O",
      where: "/etc/containers/registries.conf.d/entrepot.conf",
      text: podmanSettings(location, isPlain),
    },
    {
      title: "Try it",
      where: "The header X-Cache says where an answer came from",
      text: `curl -sSI ${url}/v2/library/hello-world/manifests/latest`,
    },
  ];
}

function podmanSettings(location: string, isPlain: boolean): string {
  const lines = [
    "[[registry]]",
    'location = "docker.io"',
    "",
    "[[registry.mirror]]",
    `location = "${location}"`,
    ...(isPlain ? ["insecure = true"] : []),
  ];
  return lines.join("\n");
}
