import type { AccountConfig, UpstreamConfig } from "../config/config.ts";
import type { CredentialSource } from "../upstream/credentials.ts";
import { AcrSource } from "../upstream/credential-sources/acr-source.ts";
import type { CloudAccess } from "../upstream/credential-sources/cloud-access.ts";
import { DockerConfigSource } from "../upstream/credential-sources/docker-config-source.ts";
import { EcrSource } from "../upstream/credential-sources/ecr-source.ts";
import { GcpSource } from "../upstream/credential-sources/gcp-source.ts";
import { PasswordSource } from "../upstream/credential-sources/password-source.ts";
import { TokenFileSource } from "../upstream/credential-sources/token-file-source.ts";
import { directEgress } from "../upstream/egress/egress.ts";
import { Transport } from "../upstream/transport.ts";
import type { Basics } from "./basics.ts";

/** Machine and container endpoints are next door, or there are none; some take a while to make a token. */
const localTimeouts = { connectTimeoutMs: 2000, responseTimeoutMs: 10_000, stallTimeoutMs: 10_000 };

interface SourceParts {
  host: string;
  settings: UpstreamConfig;
  basics: Basics;
  onAttempt: () => void;
}

/** Where the accounts of one upstream get their credentials; what they hold goes with `held`. */
export function openCredentialSources(
  parts: SourceParts,
  held: AsyncDisposableStack,
): CredentialSource[] {
  return parts.settings.accounts.map((account) => openSource(account, parts, held));
}

function openSource(
  account: AccountConfig,
  parts: SourceParts,
  held: AsyncDisposableStack,
): CredentialSource {
  const { host, basics } = parts;
  const { clock, log, environment } = basics;
  if (account.kind === "password") return new PasswordSource({ ...account, clock, log });
  if (account.kind === "token") return new TokenFileSource({ path: account.file, clock, log });
  if (account.kind === "docker-config") {
    const signal = openEnding(held);
    return new DockerConfigSource({ path: account.file, host, environment, clock, log, signal });
  }
  const access = openCloudAccess(parts, held);
  if (account.kind === "gcp") return new GcpSource({ ...access, keyFile: account.keyFile });
  if (account.kind === "acr") return new AcrSource({ ...access, host, identity: account });
  const { region, ...keys } = account;
  return new EcrSource({ ...access, host, region, keys });
}

function openCloudAccess(
  { settings, basics, onAttempt }: SourceParts,
  held: AsyncDisposableStack,
): CloudAccess {
  const { clock, log, environment } = basics;
  const { connectTimeoutMs, responseTimeoutMs, stallTimeoutMs } = settings;
  const common = { guard: undefined, ownHost: "", onAttempt };
  const timeouts = { connectTimeoutMs, responseTimeoutMs, stallTimeoutMs };
  const internet = new Transport({ ...common, ...timeouts, egress: settings.egress });
  const local = new Transport({ ...common, ...localTimeouts, egress: directEgress });
  held.use(internet);
  held.use(local);
  return { internet, local, environment, clock, log, signal: openEnding(held) };
}

/** Aborted when the mirror stops. */
function openEnding(held: AsyncDisposableStack): AbortSignal {
  const ending = new AbortController();
  held.defer(() => ending.abort(new Error("the mirror stops")));
  return ending.signal;
}
