import { parseRepositoryName } from "../../oci/repository-name.ts";
import { Accounts, type Account } from "../accounts.ts";
import { Authorizer } from "../authorizer.ts";
import type { CredentialSource } from "../credentials.ts";
import { askApi, findRealm, type ApiAnswer } from "./probe-api.ts";
import type { ProbeOptions } from "./probe-options.ts";
import type { Attempt, ProbeTrail } from "./probe-trail.ts";
import { isTrustedRealm, RealmTrust } from "../realm-trust.ts";
import { discardBody, type Transport } from "../transport.ts";
import { UpstreamError } from "../upstream.ts";

/** One account, and what is shown for it. */
export interface Entrance {
  accounts: Accounts;
  account: Account;
  authorizer: Authorizer;
}

/** What the account steps and those behind them work with. */
export interface EndpointProbe {
  options: ProbeOptions;
  base: URL;
  transport: Transport;
  trail: ProbeTrail;
}

/** Token servers want a name; whether it is there does not matter to whether a password is right. */
const standIn = parseRepositoryName("library/hello-world");

/** Tries every account; the first that is let in. undefined: none is. */
export async function probeAccounts(
  api: ApiAnswer,
  probe: EndpointProbe,
): Promise<Entrance | undefined> {
  const { options, base, trail } = probe;
  const { endpoint, sources } = options;
  const mayLogIn = endpoint.trust === "full" && sources.length > 0;
  const entrances = (mayLogIn ? sources : [undefined]).map((source) => enter(source, probe));
  if (api.challenge === undefined || api.origin !== base.origin) {
    const who = api.challenge === undefined ? "none is wanted" : `${api.origin} wants one`;
    trail.skip("token", `${who}; what pulls need, the next steps tell`);
    return entrances[0];
  }
  const admitted: Entrance[] = [];
  for (const entrance of entrances) {
    const result = await trail.run("token", (signal) =>
      named(entrance.account, logIn(entrance, api, { probe, signal })),
    );
    if (result) admitted.push(result);
  }
  return admitted[0];
}

function enter(
  source: CredentialSource | undefined,
  { options, base, transport }: EndpointProbe,
): Entrance {
  const { clock, signal } = options;
  const accounts = new Accounts({ sources: source ? [source] : [], clock });
  const account = accounts.choose();
  const trust = new RealmTrust(options);
  const authorizer = new Authorizer({ account, base, transport, trust, clock, signal });
  return { accounts, account, authorizer };
}

async function named<Result>({ name, source }: Account, result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (!source || !(error instanceof UpstreamError)) throw error;
    throw new UpstreamError(error.failure, `${name}: ${error.message}`, { cause: error });
  }
}

async function logIn(
  entrance: Entrance,
  { challenge }: ApiAnswer,
  { probe, signal }: { probe: EndpointProbe; signal: AbortSignal },
): Promise<Attempt<Entrance>> {
  const { account, authorizer } = entrance;
  const { target } = probe.options;
  await checkRealm(account, challenge, probe);
  let shown: string;
  try {
    shown = await authorizer.answerChallenge(target?.repository ?? standIn, challenge, undefined);
  } catch (error) {
    // That the stand-in is not there is no wonder.
    if (target || !isDenial(error) || !findRealm(challenge)) throw error;
    const message = `${account.name}: not to be told without a name to pull`;
    return { outcome: "skipped", message, value: entrance };
  }
  const { origin } = findRealm(challenge) ?? probe.base;
  if (!account.source) return { message: `an anonymous token of ${origin}`, value: entrance };
  await checkAccepted(shown, authorizer, { probe, signal });
  return { message: `${account.name}: accepted by ${origin}`, value: entrance };
}

/** Credentials that are shown as they are, nobody but the registry judges. */
async function checkAccepted(
  authorization: string,
  authorizer: Authorizer,
  { probe, signal }: { probe: EndpointProbe; signal: AbortSignal },
): Promise<void> {
  const response = await askApi({ ...probe, signal, authorization });
  await discardBody(response);
  if (response.status !== 401 || response.url.origin !== probe.base.origin) return;
  const refusal = authorizer.explainRefusal(authorization);
  // A token for one repository need not open the rest.
  if (refusal.failure === "credentials") throw refusal;
}

async function checkRealm(
  { source }: Account,
  challenge: ApiAnswer["challenge"],
  { options, base }: EndpointProbe,
): Promise<void> {
  const realm = findRealm(challenge);
  const credentials = await source?.get();
  if (!realm || !credentials || credentials.kind === "bearer") return;
  if (isTrustedRealm(realm, base, options.tokenRealms)) return;
  const message = `they are kept from ${realm.origin}, which is outside of the registry's domain and not in tokenRealms`;
  throw new UpstreamError("credentials", message);
}

function isDenial(error: unknown): boolean {
  return error instanceof UpstreamError && error.failure === "denied";
}
