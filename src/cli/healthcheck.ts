import { Agent, get } from "node:http";
import type { Command } from "commander";
import { withConfig, withExamples, type CommandContext, type ConfigOption } from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatUrl, toReachableHost } from "./format-url.ts";
import { readConfig } from "./read-config.ts";

const timeoutMs = 3000;

export function registerHealthcheck(program: Command, { env, finish }: CommandContext): void {
  const command = program
    .command("healthcheck")
    .description("ask the running server whether it is well, for container health checks")
    .action(async ({ config }: ConfigOption) => finish(await checkHealth(config, env)));
  withExamples(withConfig(command), ["healthcheck --config /etc/entrepot/mirror.config.yaml"]);
}

/**
 * Asks the server that this configuration starts whether it is well. Any trouble is `failed`: for
 * container engines 1 means unhealthy, and other codes are reserved.
 */
async function checkHealth(file: string, env: NodeJS.ProcessEnv): Promise<ExitCode> {
  const config = await readConfig(file, env);
  if (!config) return exitCode.failed;
  const { host, port } = config.server;
  const url = `${formatUrl(toReachableHost(host), port)}/healthz`;
  try {
    const status = await fetchStatus(url);
    if (status === 200) return exitCode.done;
    console.error(`${url} answered ${status}`);
  } catch (error) {
    console.error(`${url}: ${Error.isError(error) ? error.message : String(error)}`);
  }
  return exitCode.failed;
}

/** With an agent of its own: the global one may go through a proxy that the environment names. */
async function fetchStatus(url: string): Promise<number | undefined> {
  const signal = AbortSignal.timeout(timeoutMs);
  const answered = Promise.withResolvers<number | undefined>();
  get(url, { agent: new Agent(), signal }, (response) => {
    response.destroy();
    answered.resolve(response.statusCode);
  }).on("error", answered.reject);
  return answered.promise;
}
