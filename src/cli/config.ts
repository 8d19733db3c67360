import type { Command } from "commander";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { checkConfig } from "./config-check.ts";
import { printConfig } from "./config-print.ts";

export function registerConfig(program: Command, { env, stdout, finish }: CommandContext): void {
  const group = program.command("config").description("work with configuration files");
  const check = group
    .command("check")
    .description("say whether a configuration is good, and list all that is wrong")
    .action(async ({ config, json }: ConfigOption & JsonOption) =>
      finish(await checkConfig({ file: config, env, json, stdout })),
    );
  withExamples(withJson(withConfig(check)), [
    "config check --config /etc/entrepot/mirror.config.yaml",
    "config check --json | jq -r '.problems[]'",
  ]);
  const print = group
    .command("print")
    .description("print the configuration in effect: file, environment and defaults, no secrets")
    .action(async ({ config, json }: ConfigOption & JsonOption) =>
      finish(await printConfig({ file: config, env, json, stdout })),
    );
  withExamples(withJson(withConfig(print)), ["config print", "config print --json | jq .storage"]);
}
