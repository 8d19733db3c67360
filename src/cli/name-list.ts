import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { parseEnv } from "node:util";
import { RegistryError } from "../oci/errors.ts";
import { formatPullName, parsePullName } from "../oci/pull-name.ts";
import type { FoundNames } from "./found-names.ts";
import { findComposeNames } from "./name-list-compose.ts";
import { findKubernetesNames } from "./name-list-kubernetes.ts";
import { isYamlMapping, NameListYaml } from "./name-list-yaml.ts";

/** One line for each thing that is wrong: `compose.yaml:12: …`. */
export class NameListError extends Error {
  override readonly name = "NameListError";
}

interface NameListOptions {
  /** `-`: `stdin`. */
  file: string;
  stdin: Readable;
  /** What compose files refer to. */
  env: NodeJS.ProcessEnv;
  /** Ends the reading, which then rejects. */
  signal: AbortSignal;
}

/** Far beyond every real one, and little enough to be read at once. */
const maxBytes = 4 * 1024 * 1024;

/**
 * The names in a plain list, a compose file or Kubernetes YAML, whichever it is, in their order and
 * each once. Throws NameListError.
 */
export async function readNameList(options: NameListOptions): Promise<string[]> {
  const { file, stdin, signal } = options;
  const shown = file === "-" ? "standard input" : file;
  const stream = addAbortSignal(signal, file === "-" ? stdin : createReadStream(file));
  const text = await readText(stream, shown);
  const { names, problems } = await findNames(text, options, shown);
  const checked = names.map((found) => ({ found, problem: findProblem(found) }));
  const wrong = checked.flatMap(({ found, problem }) =>
    problem === undefined ? [] : [{ line: found.line, problem }],
  );
  const all = [...problems, ...wrong].toSorted((a, b) => a.line - b.line);
  if (all.length > 0) {
    throw new NameListError(
      all.map(({ line, problem }) => `${shown}:${line}: ${problem}`).join("\n"),
    );
  }
  return [...new Set(names.map(({ name }) => completeName(name)))];
}

async function findNames(
  text: string,
  { file, env }: NameListOptions,
  shown: string,
): Promise<FoundNames> {
  if (!isYamlMapping(text)) return findListedNames(text);
  const yaml = new NameListYaml(text);
  if (yaml.problems.length > 0) return { names: [], problems: yaml.problems };
  if (yaml.hasKey("apiVersion")) return findKubernetesNames(yaml);
  if (yaml.hasKey("services") || yaml.hasKey("include")) {
    const directory = file === "-" ? "." : dirname(file);
    return findComposeNames(yaml, { ...(await readDotEnv(join(directory, ".env"))), ...env });
  }
  throw new NameListError(
    `${shown}: is no list of names (one a line), no compose file (it has no services) and no Kubernetes YAML (it has no apiVersion)`,
  );
}

/** One a line; what follows a # at the start of a word is a comment. */
function findListedNames(text: string): FoundNames {
  const names = text.split(/\r?\n/).flatMap((line, index) => {
    const name = line.replace(/(?:^|\s)#.*$/, "").trim();
    return name === "" ? [] : [{ name, line: index + 1 }];
  });
  return { names, problems: [] };
}

function findProblem({ name, hint }: FoundNames["names"][number]): string | undefined {
  try {
    parsePullName(name);
    return undefined;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const why = hint === undefined ? "" : ` (${hint})`;
    return `${JSON.stringify(name)} is not a name to pull${why}: ${error.message}`;
  }
}

function completeName(name: string): string {
  const { repository, reference } = parsePullName(name);
  return formatPullName(repository, reference);
}

/** Compose takes variables from there that the environment does not have. */
async function readDotEnv(path: string): Promise<NodeJS.Dict<string>> {
  try {
    return parseEnv(await collect(createReadStream(path), path));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return {};
    throw toListError(error, path);
  }
}

async function readText(stream: Readable, shown: string): Promise<string> {
  try {
    return await collect(stream, shown);
  } catch (error) {
    throw toListError(error, shown);
  }
}

async function collect(stream: Readable, shown: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBytes) throw new NameListError(`${shown}: is larger than 4 MiB`);
    chunks.push(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new NameListError(`${shown}: is not text in UTF-8`, { cause: error });
  }
}

function toListError(error: unknown, shown: string): unknown {
  const code = errorCode(error);
  if (code === undefined || code === "ABORT_ERR") return error;
  const reason = code === "ENOENT" ? "there is no such file" : `cannot be read (${code})`;
  return new NameListError(`${shown}: ${reason}`, { cause: error });
}

function errorCode(error: unknown): string | undefined {
  if (!Error.isError(error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
