import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

interface SlowReaderOptions {
  bytesPerSecond: number;
  seconds: number;
  signal: AbortSignal;
}

/** What a socket holds for its reader by itself. */
const stepBytes = 64 * 1024;
const pollMs = 20;

/**
 * Asks for a body on a plain socket and takes so much of it a second; leaves then. As it never
 * reads fast, the kernel leaves its receive buffer at the size it begins with. Returns the bytes
 * that it took; throws when there were less than half of what it wanted.
 */
export async function readSlowly(url: string, options: SlowReaderOptions): Promise<number> {
  const { bytesPerSecond, seconds, signal } = options;
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  try {
    await once(socket, "connect", { signal });
    socket.on("error", () => undefined);
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    const before = performance.now();
    const until = before + seconds * 1000;
    let taken = 0;
    while (performance.now() < until) {
      const chunk: Buffer | null = socket.read(stepBytes) ?? socket.read();
      taken += chunk?.length ?? 0;
      const nextAt = before + (taken / bytesPerSecond) * 1000;
      await delay(Math.max(pollMs, nextAt - performance.now()), undefined, { signal });
    }
    if (taken < (bytesPerSecond * seconds) / 2) throw new Error(`${url} gave only ${taken} bytes`);
    return taken;
  } finally {
    socket.destroy();
  }
}
