import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** By curl's own clock, from its start. */
interface Transfer {
  seconds: number;
}

interface CurlOptions {
  /** At once, each a process of its own. */
  clients: number;
  /** What each must get. */
  bytes: number;
  signal: AbortSignal;
}

const format = "%{http_code} %{size_download} %{time_total}";

/** Seconds until the slowest client has all. Throws unless each got a 200 and all bytes. */
export async function timeDownloads(url: string, options: CurlOptions): Promise<number> {
  const { clients, bytes, signal } = options;
  const all = Array.from({ length: clients }, () => transfer(url, bytes, signal));
  return Math.max(...(await Promise.all(all)).map(({ seconds }) => seconds));
}

async function transfer(url: string, bytes: number, signal: AbortSignal): Promise<Transfer> {
  const args = ["--silent", "--show-error", "--output", "/dev/null", "--write-out", format, url];
  const { stdout } = await execute("curl", args, { signal });
  const [status, size, seconds] = stdout.split(" ").map(Number);
  if (status !== 200 || size !== bytes || seconds === undefined) {
    throw new Error(`${url} gave ${size} bytes of ${bytes}, status ${status}`);
  }
  return { seconds };
}
