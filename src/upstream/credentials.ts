/**
 * password: as Basic, or to a token server · refresh-token: exchanged at a token server
 * (https://distribution.github.io/distribution/spec/auth/oauth/) · bearer: shown to the registry as
 * it is.
 */
export type Credentials =
  | { kind: "password"; username: string; password: string }
  | { kind: "refresh-token"; token: string }
  | { kind: "bearer"; token: string };

/** Where the credentials of one account come from. */
export interface CredentialSource {
  /** For people, no secret: `build-bot`, `token file`, `ECR`. */
  readonly name: string;
  /**
   * Those that are good now, from memory where possible; undefined: there are none, and it asks as
   * nobody. Throws UpstreamError: "credentials" where there are none, else why they cannot be had.
   */
  get(): Promise<Credentials | undefined>;
  /** The registry refused these: what is kept of them in memory is forgotten. */
  refuse(credentials: Credentials): void;
}

export function sameCredentials(
  some: Credentials | undefined,
  others: Credentials | undefined,
): boolean {
  if (!some || !others) return some === others;
  if (some.kind !== "password") return others.kind === some.kind && others.token === some.token;
  if (others.kind !== "password") return false;
  return others.username === some.username && others.password === some.password;
}

export function basicAuthorization({
  username,
  password,
}: {
  username: string;
  password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
