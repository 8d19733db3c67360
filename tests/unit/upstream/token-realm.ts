import { text } from "node:stream/consumers";
import { directEgress } from "../../../src/upstream/egress/egress.ts";
import { Transport } from "../../../src/upstream/transport.ts";
import { LoopbackServer } from "../../support/loopback-server.ts";

export interface TokenQuestion {
  method: string;
  authorization: string | undefined;
  query: Record<string, string>;
  form: Record<string, string>;
}

export interface TokenRealmAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

export interface TokenRealm extends AsyncDisposable {
  /** http://127.0.0.1:port/token */
  url: string;
  /** What it was asked, in order. */
  questions: TokenQuestion[];
  transport: Transport;
}

/** A token server on loopback that writes down what it is asked, and a way there. */
export async function startTokenRealm(
  answer: (question: TokenQuestion) => TokenRealmAnswer,
): Promise<TokenRealm> {
  const questions: TokenQuestion[] = [];
  const server = await LoopbackServer.start(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const { searchParams } = new URL(url, "http://realm");
    const question = {
      method,
      authorization: headers.authorization,
      query: Object.fromEntries(searchParams),
      form: Object.fromEntries(new URLSearchParams(await text(request))),
    };
    questions.push(question);
    const { status = 200, headers: answered = {}, body = {} } = answer(question);
    response.writeHead(status, { "content-type": "application/json", ...answered });
    response.end(JSON.stringify(body));
  });
  const transport = openTransport();
  return {
    url: `${server.url}/token`,
    questions,
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function openTransport(): Transport {
  return new Transport({
    egress: directEgress,
    ownHost: "127.0.0.1",
    guard: undefined,
    connectTimeoutMs: 2000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    onAttempt: () => {},
  });
}
