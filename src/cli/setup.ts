import { InvalidArgumentError, type Command } from "commander";
import { clientNames, setUpClient, type ClientName } from "../clients/clients.ts";
import { parseMirrorUrl } from "../clients/mirror.ts";
import {
  withConfig,
  withExamples,
  withJson,
  withSwitch,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { readConfig } from "./read-config.ts";
import { checkSetup } from "./setup-check.ts";
import { findMirror, type FoundMirror } from "./setup-mirror.ts";
import { printSetup } from "./setup-print.ts";
import { writeSetup } from "./setup-write.ts";

const descriptions: Record<ClientName, string> = {
  docker: "/etc/docker/daemon.json, and certs.d for the containerd image store",
  containerd: "/etc/containerd/certs.d, also for nerdctl, kind and Kubernetes",
  podman: "/etc/containers/registries.conf.d, also for Buildah",
  skopeo: "the same file, for Skopeo",
  crio: "the same file, for CRI-O",
  k3s: "/etc/rancher/k3s/registries.yaml",
  buildkit: "/etc/buildkit/buildkitd.toml",
  kaniko: "arguments of kaniko's executor",
};

interface CheckOptions extends ConfigOption, JsonOption {
  url?: string;
  root: string;
}

interface SetupOptions extends CheckOptions {
  write: boolean;
}

export function registerSetup(program: Command, context: CommandContext): void {
  const setup = program
    .command("setup")
    .description("make a client pull through the mirror: print or write its settings");
  for (const name of clientNames) registerClient(setup, name, context);
  const check = setup
    .command("check")
    .description("tell whether pulls of this host come through the mirror")
    .action(async (options: CheckOptions) => context.finish(await checkHost(options, context)));
  withExamples(withPlace(check), [
    "setup check",
    "setup check --url http://mirror.lan:5000 --json",
  ]);
}

function registerClient(setup: Command, name: ClientName, context: CommandContext): void {
  const command = setup
    .command(name)
    .description(descriptions[name])
    .action(async (options: SetupOptions) => {
      context.finish(await setUp(name, options, context));
    });
  withPlace(withSwitch(command, "--write", "put it there, merged into what is there already"));
  withExamples(command, [
    `setup ${name}`,
    `setup ${name} --url http://mirror.lan:5000`,
    ...(name === "kaniko" ? [] : [`setup ${name} --write`]),
  ]);
}

function withPlace(command: Command): Command {
  command
    .option(
      "--url <url>",
      "what clients call the mirror: http or https, host and port",
      urlArgument,
    )
    .option("--root <dir>", "directory that stands for /, such as that of an image", "/");
  return withJson(withConfig(command));
}

function urlArgument(text: string): string {
  const url = parseMirrorUrl(text);
  if (url !== undefined) return url;
  throw new InvalidArgumentError("Write http or https, host and port: http://mirror.lan:5000.");
}

async function setUp(
  name: ClientName,
  options: SetupOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const found = await readMirror(options, context);
  if (!found) return exitCode.usage;
  const named = { name, setup: setUpClient(name, found.mirror), ...found };
  const { root, json, write } = options;
  const { stdout, stderr, clock } = context;
  if (write) return writeSetup(named, { root, json, stdout, stderr, now: clock.now() });
  await printSetup(named, { json, stdout });
  return exitCode.done;
}

async function checkHost(options: CheckOptions, context: CommandContext): Promise<ExitCode> {
  const found = await readMirror(options, context);
  if (!found) return exitCode.usage;
  const { root, json } = options;
  return checkSetup(found, { root, json, stop: context.stop, stdout: context.stdout });
}

async function readMirror(
  { config: file, url }: CheckOptions,
  { env }: CommandContext,
): Promise<FoundMirror | undefined> {
  const config = await readConfig(file, env);
  return config && findMirror(config, url);
}
