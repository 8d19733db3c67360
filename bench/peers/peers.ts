import type { Place } from "../place.ts";
import type { Contender } from "./contender.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { startNginx } from "./nginx.ts";

/** What the mirror is compared with: its name is that of its command and of its package, too. */
export const peers = {
  "docker-registry": startDockerRegistry,
  nginx: startNginx,
} as const satisfies Record<string, (place: Place, upstreamOrigin: string) => Promise<Contender>>;

export type PeerName = keyof typeof peers;

export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(peers, name);
}
