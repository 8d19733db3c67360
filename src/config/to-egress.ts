import type { EgressConfig, WrittenEgress, WrittenProxies } from "./config.ts";
import type { EgressSettings } from "./egress-schema.ts";
import { loopback, type ProxyEnvironment } from "./proxy-environment.ts";

const families = { auto: undefined, ipv4: 4, ipv6: 6 } as const;

/** What holds where nothing is written: as the environment has it. */
export const unwrittenEgress: Omit<EgressConfig, "proxies"> = {
  noProxy: [],
  tls: { ca: undefined, certificate: undefined, key: undefined },
  resolve: new Map(),
  family: undefined,
  written: {
    proxies: { registry: undefined, token: undefined, content: undefined },
    noProxy: undefined,
    caFile: undefined,
    certFile: undefined,
    keyFile: undefined,
  },
};

/** What `settings` leave open is as `fallback` has it, and then as the environment has it. */
export function toEgress(
  settings: EgressSettings,
  environment: ProxyEnvironment,
  fallback: Omit<EgressConfig, "proxies">,
): EgressConfig {
  const { addressFamily, resolve = {} } = settings;
  const written = {
    proxies: toWrittenProxies(settings, fallback.written.proxies),
    noProxy: settings.noProxy ?? fallback.written.noProxy,
    ...toWrittenFiles(settings, fallback.written),
  };
  return {
    proxies: {
      registry: toChoice(written.proxies.registry, environment),
      token: toChoice(written.proxies.token, environment),
      content: toChoice(written.proxies.content, environment),
    },
    noProxy: toNoProxy(written, environment),
    tls: toTls(settings, fallback.tls),
    resolve: new Map([...fallback.resolve, ...Object.entries(resolve)]),
    family: addressFamily ? families[addressFamily] : fallback.family,
    written,
  };
}

function toWrittenProxies({ proxy }: EgressSettings, inherited: WrittenProxies): WrittenProxies {
  return {
    registry: proxy?.registry ?? inherited.registry,
    token: proxy?.token ?? inherited.token,
    content: proxy?.content ?? inherited.content,
  };
}

function toWrittenFiles({ tls }: EgressSettings, inherited: WrittenEgress) {
  return {
    caFile: tls?.caFile?.file ?? inherited.caFile,
    certFile: tls?.certFile?.file ?? inherited.certFile,
    keyFile: tls?.keyFile?.file ?? inherited.keyFile,
  };
}

function toTls({ tls }: EgressSettings, inherited: EgressConfig["tls"]): EgressConfig["tls"] {
  return {
    ca: tls?.caFile?.pem ?? inherited.ca,
    certificate: tls?.certFile?.pem ?? inherited.certificate,
    key: tls?.keyFile?.pem ?? inherited.key,
  };
}

function toChoice(
  written: WrittenProxies["registry"],
  { proxies }: ProxyEnvironment,
): EgressConfig["proxies"]["registry"] {
  if (written === undefined) return proxies;
  const url = written === "direct" ? undefined : written;
  return { http: url, https: url };
}

/** The environment's exceptions are for the environment's proxies: what is written stands alone. */
function toNoProxy({ proxies, noProxy }: WrittenEgress, environment: ProxyEnvironment): string[] {
  const isLeftOpen = Object.values(proxies).includes(undefined);
  const { http, https } = environment.proxies;
  const asksEnvironment = isLeftOpen && (http !== undefined || https !== undefined);
  if (!asksEnvironment) return noProxy ?? [];
  return noProxy ? [...noProxy, ...loopback] : environment.noProxy;
}
