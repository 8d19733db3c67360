import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

interface WrkOptions {
  connections: number;
  seconds: number;
  accept: string;
  signal: AbortSignal;
}

/** Requests a second, of one thread. Throws if an answer was no success. */
export async function countRequests(url: string, options: WrkOptions): Promise<number> {
  const { connections, seconds, accept, signal } = options;
  const load = ["-t1", `-c${connections}`, `-d${seconds}s`];
  const { stdout } = await execute("wrk", [...load, "-H", `Accept: ${accept}`, url], { signal });
  const trouble = /^ *(Non-2xx|Socket errors).*$/m.exec(stdout)?.[0];
  if (trouble !== undefined) throw new Error(`${url}: ${trouble.trim()}`);
  const rate = Number(/^Requests\/sec: +([\d.]+)/m.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`${url}: wrk printed ${stdout}`);
  return rate;
}
