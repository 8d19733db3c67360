import type { ServerResponse } from "node:http";

/**
 * Whether a response has ended and all of it is with the operating system: at once where the socket
 * took it at once, while `writableFinished` and `close` tell a little later.
 */
export function isSent({ writableEnded, writableLength, socket }: ServerResponse): boolean {
  return writableEnded && writableLength === 0 && socket?.errored === null && !socket.destroyed;
}
