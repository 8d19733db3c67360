import type { Clock } from "../clock.ts";
import { UpstreamError } from "../upstream/upstream.ts";

/** What upstream answers, if that comes in time; else throws UpstreamError timeout, and the asking goes on. */
export async function withinPatience<Answer>(
  asked: Promise<Answer>,
  { clock, patienceMs }: { clock: Clock; patienceMs: number },
): Promise<Answer> {
  const patience = new AbortController();
  const tooLate = clock
    .sleep(patienceMs, patience.signal)
    .then(() => Promise.reject(new UpstreamError("timeout", "revalidation took too long")));
  try {
    return await Promise.race([asked, tooLate]);
  } finally {
    patience.abort();
    asked.catch(() => undefined);
    tooLate.catch(() => undefined);
  }
}
