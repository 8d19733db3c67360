import type { DestinationStream, Logger } from "pino";
import { systemClock, type Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { RequestScope } from "../http/request-scope.ts";
import { createLogger } from "../log.ts";

/** What depends on who runs it: a process, or a test. */
export interface Overrides {
  clock?: Clock;
  logDestination?: DestinationStream;
  /** In which credential helpers run and cloud credentials are looked for; empty unless given. */
  environment?: NodeJS.ProcessEnv;
}

/** What every part is built with. */
export interface Basics {
  clock: Clock;
  log: Logger;
  scope: RequestScope;
  environment: NodeJS.ProcessEnv;
}

export function prepareBasics(
  config: Pick<Config, "log">,
  { clock = systemClock, logDestination, environment = {} }: Overrides,
): Basics {
  const scope = new RequestScope();
  const log = createLogger({
    ...config.log,
    mixin: () => scope.logBindings(),
    ...(logDestination ? { destination: logDestination } : {}),
  });
  return { clock, log, scope, environment };
}
