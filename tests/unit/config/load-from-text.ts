import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../../src/config/config-error.ts";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { makeTempDir } from "../../support/temp-dir.ts";

interface Surroundings {
  env?: NodeJS.ProcessEnv;
  /** Further files of the configuration's directory. */
  files?: Record<string, string>;
}

interface Loaded {
  config: Config;
  warnings: string[];
  directory: string;
}

/** Loads `text` as `mirror.yaml` in a directory of its own. */
export async function loadText(text: string, surroundings: Surroundings = {}): Promise<Loaded> {
  await using dir = await makeTempDir();
  const file = join(dir.path, "mirror.yaml");
  await writeFile(file, text);
  for (const [name, content] of Object.entries(surroundings.files ?? {})) {
    await writeFile(join(dir.path, name), content);
  }
  return { ...(await loadConfig({ file, env: surroundings.env ?? {} })), directory: dir.path };
}

/** What is wrong with `text`, with file names as if the directory were the current one. */
export async function findProblems(
  text: string,
  surroundings: Surroundings = {},
): Promise<string[]> {
  try {
    await loadText(text, surroundings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replace(/^\/.*\/(?=mirror\.yaml)/, ""));
  }
  return [];
}
