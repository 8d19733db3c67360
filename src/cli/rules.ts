import type { Command } from "commander";
import {
  withConfig,
  withExamples,
  withJson,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { testRules } from "./rules-test.ts";

export function registerRules(program: Command, { env, stdout, finish }: CommandContext): void {
  const test = program
    .command("rules")
    .description("work with the rules of the configuration")
    .command("test")
    .description("print what the rules say of names, and which rule or default says so")
    .argument("<name...>", "what would be pulled: node:24, ghcr.io/owner/app")
    .action(async (names: string[], { config, json }: ConfigOption & JsonOption) =>
      finish(await testRules({ file: config, env, names, json, stdout })),
    );
  withExamples(withJson(withConfig(test)), [
    "rules test docker.io/library/node:24",
    "rules test node alpine:3 --json",
  ]);
}
