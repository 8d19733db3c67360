import { join } from "node:path";
import { Writable } from "node:stream";
import pino from "pino";
import { ControlClient } from "../../../src/admin/control-client.ts";
import { ControlServer } from "../../../src/admin/control-server.ts";
import { systemClock } from "../../../src/clock.ts";
import type { Operations } from "../../../src/registry/operations/operations.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { completeOperations } from "../cli/run-program.ts";

interface PairOptions {
  /** Those not given are not expected to be called. */
  operations?: Partial<Operations>;
  clientVersion?: string;
}

/** A control server and a client of it, over a real socket. */
export class ControlPair implements AsyncDisposable {
  readonly path: string;
  readonly server: ControlServer;
  readonly client: ControlClient;
  /** Lines of the server's log. */
  readonly log: string[];
  readonly #directory: AsyncDisposable;

  private constructor(
    parts: Pick<ControlPair, "path" | "server" | "client" | "log">,
    directory: AsyncDisposable,
  ) {
    this.path = parts.path;
    this.server = parts.server;
    this.client = parts.client;
    this.log = parts.log;
    this.#directory = directory;
  }

  static async start(options: PairOptions = {}): Promise<ControlPair> {
    const dir = await makeTempDir();
    const path = join(dir.path, "control.sock");
    const log: string[] = [];
    const server = await listen(path, options.operations, log);
    const client = await ControlClient.connect({ path, version: options.clientVersion ?? "1.0.0" });
    if (!client) throw new Error("no server listens");
    return new ControlPair({ path, server, client, log }, dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** A server of version 1.0.0. */
export async function listen(
  path: string,
  operations: Partial<Operations> = {},
  log: string[] = [],
): Promise<ControlServer> {
  return ControlServer.listen({
    path,
    operations: completeOperations(operations),
    version: "1.0.0",
    clock: systemClock,
    log: pino(
      new Writable({
        write(chunk: Buffer, _, done) {
          log.push(chunk.toString());
          done();
        },
      }),
    ),
  });
}

export function ignoreEvents(signal = new AbortController().signal) {
  return { signal, onEvent: () => undefined };
}
