import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../free-port.ts";
import type { Place } from "../place.ts";
import { Program } from "../program.ts";
import { us, type Contender } from "./contender.ts";

interface MirrorOptions {
  /** Where several are measured. */
  name?: string;
  /** That of docker.io, as YAML. */
  upstream: string;
  /** Further lines of YAML at the top level. */
  settings?: string;
  /** Below it is `data`, which may hold a storage already. */
  directory?: string;
}

/** The built mirror of docker.io, as configured by default: the log of requests goes to a file. */
export async function startMirror(place: Place, options: MirrorOptions): Promise<Contender> {
  const { name = us, upstream, settings = "" } = options;
  const directory = options.directory ?? (await makeMirrorDirectory(place));
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const config = join(directory, "mirror.yaml");
  const lines = [
    `server: { listen: "127.0.0.1:${port}" }`,
    "log: { format: json }",
    settings.includes("storage:") ? "" : "storage: { path: ./data }",
    `upstreams: { docker.io: ${upstream} }`,
    settings,
  ];
  await writeFile(config, lines.join("\n"));
  const program = await Program.start({
    command: process.execPath,
    args: [place.mirrorMain, "serve", "--config", config],
    origin,
    logFile: join(directory, "mirror.log"),
    signal: place.signal,
  });
  return { name, origin, program };
}

/** With an empty `data` below it. */
export async function makeMirrorDirectory({ directory }: Place): Promise<string> {
  const made = await mkdtemp(join(directory, "mirror-"));
  await mkdir(join(made, "data"));
  return made;
}
