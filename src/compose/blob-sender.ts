import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { BlobSender } from "../http/send-blob.ts";
import { loadKernelCalls, type KernelCalls } from "../http/sendfile.ts";

export async function openBlobSender({ server }: Config, log: Logger): Promise<BlobSender> {
  return new BlobSender(server.sendfile ? await findKernelCalls(log) : undefined);
}

/** A machine without them serves all the same, at several times the CPU. */
async function findKernelCalls(log: Logger): Promise<KernelCalls | undefined> {
  try {
    return await loadKernelCalls();
  } catch (error) {
    log.info({ err: error }, "sendfile cannot be used here; blobs are sent through memory");
    return undefined;
  }
}
