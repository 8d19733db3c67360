import type { Readable } from "node:stream";

/** What stands before each line's end; an end without one is left out, as it was cut off. */
export async function* readLines(stream: Readable): AsyncGenerator<string, void> {
  stream.setEncoding("utf8");
  let begun: string[] = [];
  for await (const chunk of stream) {
    const [first = "", ...rest] = String(chunk).split("\n");
    begun.push(first);
    for (const next of rest) {
      yield begun.join("");
      begun = [next];
    }
  }
}
