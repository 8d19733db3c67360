import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { runProgram } from "../../../src/cli/program.ts";
import type { OutputStream } from "../../../src/cli/output.ts";
import type { Config } from "../../../src/config/config.ts";
import type { OperationName, Operations } from "../../../src/registry/operations/operations.ts";
import { makeTempDir } from "../../support/temp-dir.ts";

/** What the clock of these tests says: 2026-03-10T12:00:00Z. */
export const now = Date.UTC(2026, 2, 10, 12);

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  /** How often the operations were disposed of. */
  disposals: number;
}

interface Surroundings {
  /** Those not given are not expected to be called. */
  operations?: Partial<Operations>;
  /** In the place of `operations`. */
  open?: (config: Config) => Promise<never>;
  stop?: AbortSignal;
  stdout?: Output;
  stderr?: Output;
  /** Of the configuration file. */
  config?: string;
}

interface OutputOptions {
  isTTY?: boolean;
  columns?: number;
  /** What becomes of every write. */
  failure?: Error;
}

/** Standard output that remembers. */
export class Output extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly columns: number;
  readonly #failure: Error | undefined;

  constructor({ isTTY = false, columns = 80, failure }: OutputOptions = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
    this.#failure = failure;
  }

  override _write(chunk: string, _: BufferEncoding, done: (error?: Error) => void): void {
    this.text += chunk;
    done(this.#failure);
  }
}

/** Runs the program within this process. */
export async function run(args: string[], surroundings: Surroundings = {}): Promise<Outcome> {
  await using dir = await makeTempDir();
  const file = join(dir.path, "mirror.yaml");
  await writeFile(file, surroundings.config ?? "");
  const { stdout = new Output(), stderr = new Output() } = surroundings;
  let disposals = 0;
  const openOperations = async () => ({
    operations: completeOperations(surroundings.operations ?? {}),
    [Symbol.asyncDispose]: async () => void (disposals += 1),
  });
  const code = await runProgram([...args, "--config", file], {
    version: "1.2.3",
    env: {},
    start: () => Promise.reject(new Error("nothing shall be served")),
    stop: surroundings.stop ?? new AbortController().signal,
    openOperations: surroundings.open ?? openOperations,
    clock: { now: () => now, monotonic: () => 0, sleep: () => Promise.resolve() },
    stdout: stdout satisfies OutputStream,
    stderr,
  });
  return { code, stdout: stdout.text, stderr: stderr.text, disposals };
}

export function completeOperations(given: Partial<Operations>): Operations {
  return {
    listRepositories: refuse("listRepositories"),
    listTags: refuse("listTags"),
    listBlobs: refuse("listBlobs"),
    show: refuse("show"),
    remove: refuse("remove"),
    pin: refuse("pin"),
    unpin: refuse("unpin"),
    listPins: refuse("listPins"),
    evict: refuse("evict"),
    verify: refuse("verify"),
    listUpstreams: refuse("listUpstreams"),
    testUpstream: refuse("testUpstream"),
    prefetch: refuse("prefetch"),
    stats: refuse("stats"),
    ...given,
  };
}

function refuse(name: OperationName): () => Promise<never> {
  return () => Promise.reject(new Error(`${name} was not expected`));
}
