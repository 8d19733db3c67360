import { once } from "node:events";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { withSocketPath } from "./socket-path.ts";

/**
 * Makes the server listen on a socket that only its own user can connect to, from the first moment
 * on: it is made in a directory of that user's and moved into place once its mode is right. That
 * replaces what a dead process left. Only whoever holds the storage may call it.
 */
export async function bindSocket(server: Server, path: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  try {
    const drafted = join(draft, "socket");
    await withSocketPath(drafted, (usable) => listen(server, usable));
    await chmod(drafted, 0o600);
    await rename(drafted, path);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen({ path });
  await once(server, "listening");
}
