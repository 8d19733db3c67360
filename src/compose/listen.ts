import type { RequestListener } from "node:http";
import type { Config } from "../config/config.ts";
import { RegistryServer } from "../http/server.ts";
import { StartError } from "../start-error.ts";
import { errnoOf } from "../store/blob/disk-errors.ts";

export async function listen(
  { server }: Config,
  listener: RequestListener,
): Promise<RegistryServer> {
  const { host, port, headersTimeoutMs, idleTimeoutMs } = server;
  try {
    return await RegistryServer.listen({ listener, host, port, headersTimeoutMs, idleTimeoutMs });
  } catch (error) {
    const what = `cannot listen on ${formatAddress({ host, port })}`;
    throw new StartError(`${what}: ${explainListen(error)}`, { cause: error });
  }
}

function explainListen(error: unknown): string {
  const code = errnoOf(error);
  if (code === "EADDRINUSE") {
    return "another process has that port; end it, or set server.listen to another one";
  }
  if (code === "EACCES") return "that port needs more rights; set server.listen to one above 1023";
  if (code === "EADDRNOTAVAIL") return "this machine does not have that address; set server.listen";
  return String(error);
}

export function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
