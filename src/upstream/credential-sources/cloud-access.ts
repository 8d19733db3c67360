import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Transport } from "../transport.ts";

export type CloudTransport = Pick<Transport, "send">;

/** What the credentials of a cloud are asked for with. */
export interface CloudAccess {
  /** To the cloud's public services, the way the operator lets requests out. */
  internet: CloudTransport;
  /** To the endpoints of machine and container: without a proxy, and with little patience. */
  local: CloudTransport;
  /** Variables as the clouds' own programs read them. */
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: Logger;
  /** Ends what is under way. */
  signal: AbortSignal;
}

/** One exchange: `signal` ends it. */
export type CloudExchange = Omit<CloudAccess, "log">;
