import { setImmediate as afterOtherWork } from "node:timers/promises";

/**
 * The pages of a list that `fetchPage` gives those after `last` of, up to its end. Other work has
 * its turn between them, so that a long list keeps no request waiting.
 */
export async function* walkPages<Entry>(
  fetchPage: (last: Entry | undefined) => Promise<Entry[]>,
  signal: AbortSignal,
): AsyncGenerator<Entry[], void> {
  let last: Entry | undefined;
  do {
    signal.throwIfAborted();
    const page = await fetchPage(last);
    last = page.at(-1);
    if (last !== undefined) yield page;
    await afterOtherWork();
  } while (last !== undefined);
}
