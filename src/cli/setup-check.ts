import { join } from "node:path";
import { ClientFileError, type ClientFile, type ClientSetup } from "../clients/client-setup.ts";
import { listSetups, type ClientName } from "../clients/clients.ts";
import { containerdConfig, leadsToHostsFiles } from "../clients/containerd.ts";
import { FileAccessError, locate, readIfThere } from "./client-files.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatTable, toPrintable, type Column } from "./format-table.ts";
import { writeJson, writeLine, type OutputStream } from "./output.ts";
import type { FoundMirror } from "./setup-mirror.ts";
import { findMirrorProblem } from "./setup-reach.ts";

interface CheckOptions {
  root: string;
  json: boolean;
  stop: AbortSignal;
  stdout: OutputStream;
}

interface CheckedClient {
  client: ClientName;
  title: string;
  /** Those of its files that are there. */
  files: string[];
  /** Upstreams that it pulls through the mirror, and those it could but does not. */
  through: string[];
  past: string[];
  problems: string[];
}

/** Reads what clients of this host are told, and asks the mirror; changes nothing. */
export async function checkSetup(found: FoundMirror, options: CheckOptions): Promise<ExitCode> {
  const { mirror } = found;
  const setups = listSetups(mirror).filter(({ setup }) => setup.files.length > 0);
  const [problem, ...clients] = await Promise.all([
    findMirrorProblem(mirror.url, options.stop),
    ...setups.map(({ name, setup }) => checkClient(name, setup, options.root)),
  ]);
  const isWell = problem === undefined && clients.some(({ through }) => through.length > 0);
  if (options.json) {
    const reached = problem === undefined ? { reachable: true } : { reachable: false, problem };
    const document = { url: mirror.url, urlFrom: found.source, ...reached, clients, ok: isWell };
    await writeJson(options.stdout, document);
  } else await writeLine(options.stdout, formatCheck(found, problem, clients));
  return isWell ? exitCode.done : exitCode.failed;
}

async function checkClient(
  client: ClientName,
  setup: ClientSetup,
  root: string,
): Promise<CheckedClient> {
  const files: string[] = [];
  const through: string[] = [];
  const problems: string[] = [];
  for (const file of setup.files) {
    try {
      const named = await readUpstreams(file, root);
      if (named) files.push(join(root, file.path));
      through.push(...(named ?? []));
    } catch (error) {
      problems.push(describeProblem(join(root, file.path), error));
    }
  }
  if (client === "containerd" && through.length > 0) problems.push(...(await findUnled(root)));
  const wanted = setup.files.flatMap(({ upstreams }) => upstreams);
  const past = wanted.filter((upstream) => !through.includes(upstream));
  return { client, title: setup.title, files, through, past, problems };
}

/** undefined: there is no such file. */
async function readUpstreams(file: ClientFile, root: string): Promise<string[] | undefined> {
  const text = await readIfThere(await locate(root, file.path));
  return text === undefined ? undefined : file.findUpstreams(text);
}

/** Not a failure: what is no Kubernetes finds the files, and so do newer versions by themselves. */
async function findUnled(root: string): Promise<string[]> {
  try {
    const config = await readIfThere(await locate(root, containerdConfig));
    if (leadsToHostsFiles(config ?? "")) return [];
  } catch (error) {
    return [describeProblem(join(root, containerdConfig), error)];
  }
  const path = join(root, containerdConfig);
  return [
    `${path}: no config_path leads to these files; Kubernetes may need one (setup containerd)`,
  ];
}

function describeProblem(path: string, error: unknown): string {
  if (error instanceof FileAccessError) return error.message;
  if (error instanceof ClientFileError) return `${path}: ${error.message}`;
  throw error;
}

const columns: Column<CheckedClient>[] = [
  { title: "CLIENT", format: ({ title }) => title },
  { title: "SETTINGS", format: ({ files, problems }) => formatState(files, problems) },
  { title: "THROUGH THE MIRROR", format: ({ through }) => through.join(", ") || "nothing" },
  { title: "PAST IT", format: ({ past }) => past.join(", ") },
];

function formatState(files: string[], problems: string[]): string {
  if (files.length > 0) return files.length === 1 ? (files[0] ?? "") : `${files.length} files`;
  return problems.length > 0 ? "unreadable" : "none";
}

function formatCheck(
  { mirror, source }: FoundMirror,
  problem: string | undefined,
  clients: CheckedClient[],
): string {
  const state = problem === undefined ? "it answers" : problem;
  const problems = clients.flatMap((client) => client.problems);
  const option = source === "--url" ? ` --url ${mirror.url}` : "";
  const advice = [
    ...(problem === undefined ? [] : [reachAdvice]),
    ...adviseClients(clients, option),
  ];
  const parts = [
    `The mirror at ${mirror.url} (${source}): ${state}`,
    formatTable(columns, clients).join("\n"),
    problems.join("\n"),
    advice.length === 0 ? "" : ["Next:", ...advice.map((line) => `  ${line}`)].join("\n"),
  ];
  return parts
    .filter((part) => part !== "")
    .map((part) => part.split("\n").map(toPrintable).join("\n"))
    .join("\n\n");
}

const reachAdvice =
  "start the mirror, or say by --url where it is; then look at firewalls between it and this host";

function adviseClients(clients: CheckedClient[], option: string): string[] {
  const incomplete = clients.filter(({ files, past }) => files.length > 0 && past.length > 0);
  const isAnySetUp = clients.some(({ through }) => through.length > 0);
  if (!isAnySetUp && incomplete.length === 0) {
    return [`entrepot setup CLIENT --write${option}, for the client that this host pulls with`];
  }
  return incomplete.map(({ client }) => `entrepot setup ${client} --write${option}`);
}
