import { stringify } from "yaml";
import { toTree } from "../config/to-tree.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { writeJson, writeText, type OutputStream } from "./output.ts";
import { readConfig } from "./read-config.ts";

interface PrintOptions {
  file: string;
  env: NodeJS.ProcessEnv;
  json: boolean;
  stdout: OutputStream;
}

/** Prints the configuration as a server would use it, with the defaults and without the secrets. */
export async function printConfig({ file, env, json, stdout }: PrintOptions): Promise<ExitCode> {
  const config = await readConfig(file, env);
  if (!config) return exitCode.usage;
  const tree = toTree(config);
  if (json) await writeJson(stdout, tree);
  else await writeText(stdout, stringify(tree, escapeVariables));
  return exitCode.done;
}

/** What is printed can be used as a configuration again, and that expands variables. */
function escapeVariables(_key: unknown, value: unknown): unknown {
  return typeof value === "string" ? value.replaceAll("${", () => "$${") : value;
}
