import type { Socket } from "node:net";
import { createSecureContext, getCACertificates, TLSSocket, type SecureContext } from "node:tls";
import { buildConnector } from "undici";
import type { Egress } from "./egress.ts";

interface TlsTarget {
  /** What the certificate must be for; without brackets. */
  hostname: string;
  port: number;
}

/** Speaks TLS over connections that are there, with the same trust and identity for all of them. */
export class TlsLayer {
  readonly #options: Partial<Egress["tls"]>;
  #connector: buildConnector.connector | undefined;

  /** `ca` is trusted besides the system's authorities. */
  constructor(options: Partial<Egress["tls"]>) {
    this.#options = options;
  }

  /** Throws the errors of node:tls. */
  async secure(socket: Socket, { hostname, port }: TlsTarget): Promise<TLSSocket> {
    const secured = Promise.withResolvers<Socket>();
    const connector = (this.#connector ??= buildTlsConnector(this.#options));
    connector(
      { protocol: "https:", hostname, host: hostname, port: String(port), httpSocket: socket },
      (error, result) => {
        if (error) secured.reject(error);
        else secured.resolve(result);
      },
    );
    const result = await secured.promise;
    if (!(result instanceof TLSSocket)) throw new Error("the connection is not secured");
    return result;
  }
}

/** Keeps the sessions, so that further connections to a host are quicker. */
function buildTlsConnector(options: Partial<Egress["tls"]>): buildConnector.connector {
  return buildConnector({
    allowH2: false,
    // Whoever dials looks at the time.
    timeout: 0,
    // Made once: to read the system's authorities takes longer than the handshake.
    secureContext: buildContext(options),
  });
}

function buildContext({ ca, certificate, key }: Partial<Egress["tls"]>): SecureContext {
  try {
    return createSecureContext({
      ...(ca !== undefined && { ca: [...getCACertificates("default"), ca] }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
    });
  } catch (cause) {
    throw new Error("the configured authority, certificate or key is not usable PEM", { cause });
  }
}
