import { closeSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { FileTransfer } from "../registry/repository.ts";

/**
 * Of `count` bytes from `position` on of one open file, puts as many into another one, a socket, as
 * that takes at once, and says how many; 0: none, for whatever reason.
 */
type Sendfile = (to: number, from: number, position: number, count: number) => Promise<number>;

/** System calls that Node does not offer. */
export interface KernelCalls {
  /** Another descriptor of the same open file, for whoever asks to close; negative: it cannot be had. */
  duplicate: (descriptor: number) => number;
  sendfile: Sendfile;
}

/** At a time: each takes a thread of the pool that all disk reads share, and a stack of its own. */
const maxRunning = 32;

/** A socket takes a few MiB at once at most; a disk is to give no more before others have a turn. */
const maxBytesPerCall = 4 * 1024 * 1024;

/** Throws where the native library or the calls are not to be had. */
export async function loadKernelCalls(): Promise<KernelCalls> {
  if (process.platform !== "linux") throw new Error(`no sendfile on ${process.platform}`);
  const { default: koffi } = await import("koffi");
  const libc = koffi.load(null);
  const dup = libc.func("int dup(int)");
  const sendfile = libc.func("intptr_t sendfile(int, int, int64_t *, size_t)");
  let running = 0;
  return {
    duplicate: (descriptor) => Number(dup(descriptor)),
    sendfile: (to, from, position, count) => {
      if (running >= maxRunning) return Promise.resolve(0);
      running += 1;
      return new Promise((resolve, reject) => {
        // The call moves it on. Nobody but this callback keeps its memory from being collected.
        const offset = BigInt64Array.of(BigInt(position));
        sendfile.async(to, from, offset, count, (error: unknown) => {
          running -= 1;
          if (error) reject(error);
          else resolve(Number(offset[0]) - position);
        });
      });
    },
  };
}

/**
 * The socket under a response, for files whose bytes are not to pass through memory of ours. It is
 * a descriptor of its own: the connection may be closed at any time, and the number of its first
 * descriptor be that of somebody else's the moment after.
 */
export class SocketTransfer implements Disposable {
  readonly #calls: KernelCalls;
  readonly #descriptor: number;

  /** undefined: the response has no plain socket to itself, or Node frames its body. */
  static open(response: ServerResponse, calls: KernelCalls): SocketTransfer | undefined {
    const found = response.chunkedEncoding ? undefined : findDescriptor(response.socket);
    const descriptor = found === undefined ? -1 : calls.duplicate(found);
    return descriptor < 0 ? undefined : new SocketTransfer(calls, descriptor);
  }

  private constructor(calls: KernelCalls, descriptor: number) {
    this.#calls = calls;
    this.#descriptor = descriptor;
  }

  /** Call it only while nothing that was written to the response waits for the socket. */
  readonly take: FileTransfer = async (file, position, count) => {
    let taken = 0;
    while (taken < count) {
      const wanted = Math.min(count - taken, maxBytesPerCall);
      const some = await this.#calls.sendfile(this.#descriptor, file, position + taken, wanted);
      taken += some;
      if (some < wanted) break;
    }
    return taken;
  };

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** Of a connected TCP socket; a TLS socket has one, too, which takes no plain bytes. */
function findDescriptor(socket: Socket | null): number | undefined {
  if (!(socket instanceof Socket) || socket.destroyed || "encrypted" in socket) return undefined;
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return undefined;
  const descriptor: unknown = Reflect.get(handle, "fd");
  return typeof descriptor === "number" && descriptor >= 0 ? descriptor : undefined;
}
