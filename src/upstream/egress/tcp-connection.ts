import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";

/** Of one address, before the next one is tried: the default of 250 ms is less than some round trips. */
const addressTimeoutMs = 1000;

const keepAliveInitialDelayMs = 60_000;

/** To whichever of the addresses answers first, one or more; none is looked up again. Throws system errors. */
export async function connectTcp(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const candidates = addresses.map((address) => ({ address, family: isIP(address) }));
  const [only] = addresses.length === 1 ? addresses : [];
  const socket = connect({
    // A lookup is made for names only.
    host: only ?? "candidates.invalid",
    lookup: (_, __, done) => done(null, candidates),
    port,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: addressTimeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveInitialDelayMs,
  });
  // It may break between two steps, when nobody else listens; the next step finds out.
  socket.on("error", () => {});
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
