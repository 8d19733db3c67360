import { ConfigError } from "../config/config-error.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { toPrintable } from "./format-table.ts";

/** Warnings and problems go to standard error. undefined: there were problems. */
export async function readConfig(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<Config | undefined> {
  try {
    const { config, warnings } = await loadConfig({ file, env });
    for (const warning of warnings) console.error(toPrintable(`warning: ${warning}`));
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) console.error(toPrintable(problem));
    return undefined;
  }
}
