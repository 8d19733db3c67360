import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../free-port.ts";
import type { Place } from "../place.ts";
import { Program } from "../program.ts";
import type { Contender } from "./contender.ts";

/** As a pull-through cache. It asks its upstream when it starts. */
export async function startDockerRegistry(
  place: Place,
  upstreamOrigin: string,
): Promise<Contender> {
  const directory = await mkdtemp(join(place.directory, "docker-registry-"));
  const port = await findFreePort();
  const config = join(directory, "registry.yml");
  const lines = [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: "${directory}/data" }, delete: { enabled: true } }`,
    `http: { addr: "127.0.0.1:${port}" }`,
    `proxy: { remoteurl: "${upstreamOrigin}" }`,
  ];
  await writeFile(config, lines.join("\n"));
  const origin = `http://127.0.0.1:${port}`;
  const program = await Program.start({
    command: "docker-registry",
    args: ["serve", config],
    origin,
    logFile: join(directory, "registry.log"),
    signal: place.signal,
  });
  return { name: "docker-registry", origin, program };
}
