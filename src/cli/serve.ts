import { once } from "node:events";
import type { Command } from "commander";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { createLogger, resolveLogFormat } from "../log.ts";
import { StartError } from "../start-error.ts";
import { announce, formatBanner, formatDaemonConfig, type Announcement } from "./banner.ts";
import { withConfig, withExamples, type CommandContext, type ConfigOption } from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { readConfig } from "./read-config.ts";

/** A server that runs; disposing of it ends it at once. */
interface RunningServer extends AsyncDisposable {
  /** As bound: `http://0.0.0.0:5000`. */
  readonly url: string;
  /** Takes no new requests; resolves when the running ones are finished or out of time. */
  drain(): Promise<void>;
}

export interface ServeOptions {
  env: NodeJS.ProcessEnv;
  /** Throws StartError for what an operator must mend. */
  start: (config: Config) => Promise<RunningServer>;
  /** Aborted when the server shall stop; the reason is the signal's name. */
  stop: AbortSignal;
}

export function registerServe(
  program: Command,
  options: ServeOptions & Pick<CommandContext, "finish">,
): void {
  const command = program
    .command("serve")
    .description("run the mirror until SIGTERM or Ctrl-C")
    .action(async ({ config }: ConfigOption) => options.finish(await serve(config, options)));
  withExamples(withConfig(command), ["serve", "serve --config /etc/entrepot/mirror.config.yaml"]);
}

/** Runs until told to stop. */
export async function serve(file: string, { env, start, stop }: ServeOptions): Promise<ExitCode> {
  const config = await readConfig(file, env);
  if (!config) return exitCode.usage;
  try {
    await using server = await start(config);
    const logger = createLogger(config.log);
    greet(announce(config, server.url), config, logger);
    if (!stop.aborted) await once(stop, "abort");
    logger.info(
      { signal: stop.reason, drainTimeoutMs: config.server.drainTimeoutMs },
      "stopping: running transfers may finish",
    );
    await server.drain();
    return exitCode.done;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    return exitCode.failed;
  }
}

function greet(announcement: Announcement, { log }: Config, logger: Logger): void {
  if (resolveLogFormat(log.format) === "pretty") {
    console.log(`\n${formatBanner(announcement)}\n`);
    return;
  }
  const { url, storage, upstreams } = announcement;
  logger.info({ url, storage, upstreams, daemonJson: formatDaemonConfig(announcement) }, "serving");
}
