import { dockerHub, dockerHubAliases } from "../../oci/docker-hub.ts";
import type { Credentials } from "../credentials.ts";
import { UpstreamError } from "../upstream.ts";
import { asObject, findText, isPlainToken } from "../json-object.ts";

/** What a Docker `config.json` has for one registry. */
export interface DockerConfigLogin {
  /** Of the program `docker-credential-NAME` that knows, and what it knows the registry as. */
  helper: { name: string; server: string } | undefined;
  stored: Credentials | undefined;
}

/** Under which `docker login` keeps Docker Hub's credentials, since its first API. */
const dockerHubServer = "https://index.docker.io/v1/";

/** It becomes part of a program's name. */
const helperName = /^[A-Za-z0-9._-]{1,100}$/;

/**
 * As https://docs.docker.com/reference/cli/docker/login/#credential-stores and
 * https://github.com/docker/cli/blob/v28.0.0/cli/config/types/authconfig.go have it. `host`:
 * canonical. Throws UpstreamError "credentials"; what is wrong with other registries' entries does
 * not matter.
 */
export function parseDockerConfigLogin(text: string, host: string): DockerConfigLogin {
  const { auths, credHelpers, credsStore } = asObject(parseJson(text));
  const server = host === dockerHub ? dockerHubServer : host;
  const names = host === dockerHub ? ["index.docker.io", dockerHub, ...dockerHubAliases] : [host];
  const helper = findEntry(credHelpers, server, names) ?? credsStore;
  return {
    helper: isSet(helper) ? { name: checkHelper(helper), server } : undefined,
    stored: readEntry(asObject(findEntry(auths, server, names))),
  };
}

/** A parser's own message quotes what it could not parse. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UpstreamError("credentials", "is not JSON");
  }
}

/** The key that docker itself writes comes first, then bare hosts, then those with scheme or path. */
function findEntry(entries: unknown, server: string, names: readonly string[]): unknown {
  const all = Object.entries<unknown>(asObject(entries)).map(
    ([key, value]) => [key.trim().toLowerCase(), value] as const,
  );
  const find = (isWanted: (key: string) => boolean) => all.find(([key]) => isWanted(key));
  const found =
    find((key) => key === server) ??
    find((key) => names.includes(key)) ??
    find((key) => names.includes(hostOfKey(key)));
  return found?.[1];
}

function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function checkHelper(name: unknown): string {
  if (typeof name === "string" && helperName.test(name)) return name;
  const allowed = "letters, digits, dots, underscores and hyphens are allowed";
  throw new UpstreamError("credentials", `names a credential helper that is no name: ${allowed}`);
}

function readEntry(entry: Record<string, unknown>): Credentials | undefined {
  const bearer = findText(entry, "registrytoken");
  if (bearer !== undefined) return { kind: "bearer", token: checkToken(bearer) };
  const refreshToken = findText(entry, "identitytoken");
  if (refreshToken !== undefined) return { kind: "refresh-token", token: checkToken(refreshToken) };
  const auth = findText(entry, "auth");
  if (auth !== undefined) return decodeAuth(auth);
  const username = findText(entry, "username");
  const password = findText(entry, "password");
  if (username === undefined || password === undefined) return undefined;
  return { kind: "password", username, password };
}

function checkToken(token: string): string {
  if (isPlainToken(token)) return token;
  throw new UpstreamError("credentials", "holds a token that is none: ASCII without spaces");
}

function decodeAuth(auth: string): Credentials {
  const decoded = Buffer.from(auth, "base64").toString();
  const [, username, password] = /^([^:]+):(.+)$/s.exec(decoded.replace(/\0+$/, "")) ?? [];
  if (username !== undefined && password !== undefined) {
    return { kind: "password", username, password };
  }
  throw new UpstreamError("credentials", "holds an auth that is not base64 of user:password");
}
