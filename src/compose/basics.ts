import type { DestinationStream, Logger } from "pino";
import { systemClock, type Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { RequestScope } from "../http/request-scope.ts";
import { createLogger } from "../log.ts";

/** What tests put in the place of the real thing. */
export interface Overrides {
  clock?: Clock;
  logDestination?: DestinationStream;
}

/** What every part is built with. */
export interface Basics {
  clock: Clock;
  log: Logger;
  scope: RequestScope;
}

export function prepareBasics(
  config: Pick<Config, "log">,
  { clock = systemClock, logDestination }: Overrides,
): Basics {
  const scope = new RequestScope();
  const log = createLogger({
    ...config.log,
    mixin: () => scope.logBindings(),
    ...(logDestination ? { destination: logDestination } : {}),
  });
  return { clock, log, scope };
}
