import type { DestinationStream, Logger } from "pino";
import { systemClock, type Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { RequestScope } from "../http/request-scope.ts";
import { createLogs } from "../log.ts";
import type { RequestLines } from "../request-lines.ts";
import type { OnStatement } from "../store/metadata/sqlite-connection.ts";

/** What depends on who runs it: a process, or a test. */
export interface Overrides {
  clock?: Clock;
  logDestination?: DestinationStream;
  /** In which credential helpers run and cloud credentials are looked for; empty unless given. */
  environment?: NodeJS.ProcessEnv;
  onStatement?: OnStatement;
}

/** What every part is built with. */
export interface Basics {
  clock: Clock;
  log: Logger;
  requestLines: RequestLines;
  scope: RequestScope;
  environment: NodeJS.ProcessEnv;
  onStatement?: OnStatement | undefined;
}

export function prepareBasics(
  config: Pick<Config, "log">,
  { clock = systemClock, logDestination, environment = {}, onStatement }: Overrides,
): Basics {
  const scope = new RequestScope();
  const logs = createLogs({
    ...config.log,
    mixin: () => scope.logBindings(),
    ...(logDestination ? { destination: logDestination } : {}),
  });
  return { clock, ...logs, scope, environment, onStatement };
}
