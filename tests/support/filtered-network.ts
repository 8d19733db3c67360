import { ConnectProxy } from "./connect-proxy.ts";
import { FakeRegistry } from "./fake-registry.ts";
import type { ProxyTraffic } from "./network-proxy.ts";
import { SocksProxy } from "./socks-proxy.ts";
import { SourceFilter } from "./source-filter.ts";

/** What proxies dial from: the only address that the filtered hosts let in. */
const proxyAddress = "127.0.0.9";

export const proxyUser = "way-out";

/** One a proxy, so that it can be told which of them has leaked. */
export const proxyPasswords = {
  socks: "socks-p@ss:w0rd",
  connect: "connect-p@ss:w0rd",
  secure: "secure-p@ss:w0rd",
};

/** Of the registry's only user. */
export const registryUser = { username: "puller", password: "registry-p@ss:w0rd" };

type ProxyKind = keyof typeof proxyPasswords;

/**
 * A registry, its token server and its CDN that no name server knows, and that let nobody in but
 * three proxies: SOCKS5, HTTP CONNECT, and the same by https. Behind the same filter is a second
 * registry, spoken to by TLS, that wants no token but a client certificate.
 */
export class FilteredNetwork implements AsyncDisposable {
  readonly registry: FakeRegistry;
  readonly tlsRegistry: FakeRegistry;
  readonly socks: SocksProxy;
  readonly connect: ConnectProxy;
  readonly secure: ConnectProxy;
  readonly filters: Readonly<Record<"registry" | "token" | "content" | "tls", SourceFilter>>;
  readonly #held: AsyncDisposableStack;

  private constructor(
    parts: Pick<
      FilteredNetwork,
      "registry" | "tlsRegistry" | "socks" | "connect" | "secure" | "filters"
    >,
    held: AsyncDisposableStack,
  ) {
    this.registry = parts.registry;
    this.tlsRegistry = parts.tlsRegistry;
    this.socks = parts.socks;
    this.connect = parts.connect;
    this.secure = parts.secure;
    this.filters = parts.filters;
    this.#held = held;
  }

  static async start(): Promise<FilteredNetwork> {
    await using held = new AsyncDisposableStack();
    const registry = held.use(
      await FakeRegistry.start({
        auth: {
          realmHost: "auth.filtered.test",
          anonymous: false,
          users: { [registryUser.username]: registryUser.password },
        },
        cdn: { host: "cdn.filtered.test" },
      }),
    );
    const tlsRegistry = held.use(await FakeRegistry.start());
    const open = async (target: string, tls?: { wantsCertificate: boolean }) =>
      held.use(await SourceFilter.start({ target, from: proxyAddress, ...(tls && { tls }) }));
    const filters = {
      registry: await open(registry.url),
      token: await open(registry.tokenUrl.replace("auth.filtered.test", "127.0.0.1")),
      content: await open(registry.cdnUrl),
      tls: await open(tlsRegistry.url, { wantsCertificate: true }),
    };
    const hosts = {
      "registry.filtered.test": filters.registry.url,
      "auth.filtered.test": filters.token.url,
      "cdn.filtered.test": filters.content.url,
      "registry.test": filters.tls.url,
    };
    const optionsOf = (kind: ProxyKind) => ({
      hosts,
      localAddress: proxyAddress,
      credentials: { username: proxyUser, password: proxyPasswords[kind] },
    });
    const socks = held.use(await SocksProxy.start(optionsOf("socks")));
    const connect = held.use(await ConnectProxy.start(optionsOf("connect")));
    const secure = held.use(await ConnectProxy.start({ ...optionsOf("secure"), tls: true }));
    const parts = { registry, tlsRegistry, socks, connect, secure, filters };
    return new FilteredNetwork(parts, held.move());
  }

  /** What the mirror's endpoint is written with. */
  get url(): string {
    return "http://registry.filtered.test";
  }

  /** Of the registry that is spoken to by TLS. */
  get tlsUrl(): string {
    return "https://registry.test";
  }

  /** A proxy's URL, with credentials. */
  proxyUrl(kind: ProxyKind, password = proxyPasswords[kind]): string {
    return this[kind].urlAs(proxyUser, password);
  }

  /** Hosts that a proxy was asked for and has reached, each once, since the last time. */
  takeAsked(kind: ProxyKind): string[] {
    const { asked }: ProxyTraffic = this[kind].traffic;
    const reached = asked.splice(0).filter(({ outcome }) => outcome === "connected");
    return [...new Set(reached.map(({ host }) => host))].toSorted();
  }

  /** Connections that came by no proxy. */
  get refused(): number {
    return Object.values(this.filters).reduce((sum, { refused }) => sum + refused, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}

/** In every form in which they could be told. */
export function secretsOf(username: string, password: string): string[] {
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  return [password, encodeURIComponent(password), basic];
}
