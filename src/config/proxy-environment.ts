import { parseNoProxyEntry } from "./no-proxy.ts";
import type { Problem } from "./problem.ts";
import { parseProxyUrl } from "./proxy-url.ts";

/** What the usual variables say of proxies, for whatever the configuration says nothing of. */
export interface ProxyEnvironment {
  /** By the scheme of what is asked for. */
  proxies: { http: string | undefined; https: string | undefined };
  /** Loopback is in it: nobody means that by these variables. */
  noProxy: string[];
}

interface Reading {
  environment: ProxyEnvironment;
  /** Without what the variables hold, which may be a password. */
  problems: Problem[];
  warnings: string[];
}

interface Variable {
  name: string;
  value: string;
}

/** Addresses of this machine, which no proxy on the way out could reach. */
export const loopback: readonly string[] = ["localhost", "127.0.0.0/8", "::1"];

/**
 * Lower case comes first, and ALL_PROXY stands in for what is not set, as with curl
 * (https://curl.se/docs/manpage.html#ENVIRONMENT). An empty variable counts as not set.
 */
export function readProxyEnvironment(env: NodeJS.ProcessEnv): Reading {
  const all = findVariable(env, "all_proxy");
  const http = findVariable(env, "http_proxy") ?? all;
  const https = findVariable(env, "https_proxy") ?? all;
  const broken = new Set([http, https].filter((variable) => isBroken(variable)));
  const noProxy = readNoProxy(findVariable(env, "no_proxy"));
  return {
    environment: {
      proxies: { http: parseVariable(http), https: parseVariable(https) },
      noProxy: [...noProxy.entries, ...loopback],
    },
    problems: [...broken].flatMap((variable) => (variable ? [describe(variable)] : [])),
    warnings: noProxy.warnings,
  };
}

function findVariable(env: NodeJS.ProcessEnv, lowerCase: string): Variable | undefined {
  return [lowerCase, lowerCase.toUpperCase()]
    .map((name) => ({ name, value: env[name] ?? "" }))
    .find(({ value }) => value !== "");
}

/** Without a scheme an HTTP proxy is meant: `proxy:3128`. */
function parseVariable(variable: Variable | undefined): string | undefined {
  if (!variable) return undefined;
  const { value } = variable;
  return parseProxyUrl(value.includes("://") ? value : `http://${value}`);
}

function isBroken(variable: Variable | undefined): boolean {
  return variable !== undefined && parseVariable(variable) === undefined;
}

function describe({ name }: Variable): Problem {
  return {
    place: { kind: "environment", name },
    text: "is not a proxy; write a URL with http, https or socks5, host and port, or unset it",
  };
}

/** Other programs read this variable too, each in its own way: what is not understood is left out. */
function readNoProxy(variable: Variable | undefined): { entries: string[]; warnings: string[] } {
  const written = variable?.value.split(/[\s,]+/).filter((entry) => entry !== "") ?? [];
  const entries = written.map(parseNoProxyEntry).filter((entry) => entry !== undefined);
  const isWhole = entries.length === written.length;
  const warning = `environment: ${variable?.name}: holds what is neither host, suffix, address nor CIDR block, and is ignored`;
  return { entries, warnings: isWhole ? [] : [warning] };
}
