import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { anonymousAccount, Accounts, type Account } from "./accounts.ts";
import { Authorizer } from "./authorizer.ts";
import type { AddressGuard } from "./egress/address-guard.ts";
import type { Egress } from "./egress/egress.ts";
import { Endpoint } from "./endpoint.ts";
import type { RealmTrust } from "./realm-trust.ts";
import { Transport } from "./transport.ts";

export interface EndpointSettings {
  /** Base URL. */
  url: string;
  /** content: asked only for what a digest proves, and without credentials. */
  trust: "full" | "content";
  egress: Egress;
}

export interface EndpointsOptions {
  endpoints: readonly EndpointSettings[];
  /** Of the registry: content endpoints are asked as nobody. */
  accounts: Accounts;
  realmTrust: RealmTrust;
  guard: AddressGuard | undefined;
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  stallTimeoutMs: number;
  clock: Clock;
  /** Names the upstream. */
  log: Logger;
  /** Ends what is asked of token servers. */
  signal: AbortSignal;
  onAttempt: () => void;
  onLie: (endpoint: string) => void;
}

/** The endpoints of one upstream. Their connections are put into `held`. */
export function openEndpoints(options: EndpointsOptions, held: AsyncDisposableStack): Endpoint[] {
  return options.endpoints.map((settings) => openEndpoint(settings, options, held));
}

function openEndpoint(
  { url, trust, egress }: EndpointSettings,
  options: EndpointsOptions,
  held: AsyncDisposableStack,
): Endpoint {
  const { clock, signal, realmTrust } = options;
  const base = new URL(url);
  const transport = held.use(new Transport({ ...options, egress, ownHost: base.hostname }));
  const accounts = trust === "full" ? options.accounts : new Accounts({ sources: [], clock });
  const makeAuthorizer = (at: URL, account: Account | undefined) => {
    const as = account ?? anonymousAccount(clock);
    return new Authorizer({ account: as, base: at, transport, trust: realmTrust, clock, signal });
  };
  return new Endpoint({ ...options, base, trust, transport, accounts, makeAuthorizer });
}
