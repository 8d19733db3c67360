import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;

/** Resolves as soon as `condition` gives something true; rejects when that takes too long. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await delay(POLL_MS);
  }
}

/** Like `promise`, but rejects when that takes too long. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const timer = delay(timeoutMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
  });
  try {
    return await Promise.race([promise, timer]);
  } finally {
    over.abort();
    timer.catch(() => undefined);
  }
}
