import { jsonReply, type Reply } from "./reply.ts";

/** degraded: it serves, but somebody should look. Reasons are read by people and tell no secrets. */
export type Health = { status: "ok" } | { status: "degraded"; reasons: readonly string[] };

/** 503 takes it out of a load balancer; being degraded does not, as the cache goes on serving. */
export function answerHealth(health: Health, isDraining: boolean): Reply {
  return isDraining ? jsonReply(503, { status: "draining" }) : jsonReply(200, health);
}
