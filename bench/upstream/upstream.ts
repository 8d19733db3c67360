import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { parseDigest, type Digest } from "../../src/oci/digest.ts";
import { read } from "../clients/http.ts";
import { findFreePort } from "../free-port.ts";
import type { Place } from "../place.ts";
import { Program } from "../program.ts";
import { noCounts, type Counts, type PathCounts } from "./counts.ts";
import type { UpstreamManifest } from "./manifests.ts";
import type { RegistryOptions } from "./registry.ts";

export interface BenchBlob {
  /** Below any origin. */
  path: string;
  digest: Digest;
  /** Bytes. */
  size: number;
}

const pathCounts = z.object({ gets: z.number(), heads: z.number(), bytes: z.number() });
const allCounts = z.object({
  connections: z.number(),
  requests: z.number(),
  bytes: z.number(),
  paths: z.record(z.string(), pathCounts),
});
const main = fileURLToPath(new URL("main.ts", import.meta.url));

/** The registry that all servers read from, in a process of its own. */
export class BenchUpstream implements AsyncDisposable {
  readonly name = "direct";
  readonly origin: string;
  readonly program: Program;

  private constructor(origin: string, program: Program) {
    this.origin = origin;
    this.program = program;
  }

  static async start(
    { directory, signal }: Place,
    options: Partial<RegistryOptions> = {},
  ): Promise<BenchUpstream> {
    const port = await findFreePort();
    const origin = `http://127.0.0.1:${port}`;
    const program = await Program.start({
      command: process.execPath,
      args: [main, String(port), JSON.stringify(options)],
      origin,
      logFile: join(directory, `upstream-${port}.log`),
      signal,
    });
    return new BenchUpstream(origin, program);
  }

  /** Each of them differs from all others. */
  async addBlobs(sizes: number[], repository = "bench/app"): Promise<BenchBlob[]> {
    const digests = z.array(z.string()).parse(await this.#tell("blobs", { sizes }));
    return digests.map((text, index) => {
      const digest = parseDigest(text);
      return { digest, path: `/v2/${repository}/blobs/${digest}`, size: sizes[index] ?? 0 };
    });
  }

  async addManifests(manifests: UpstreamManifest[]): Promise<void> {
    await this.#tell("manifests", manifests);
  }

  async resetCounts(): Promise<void> {
    await this.#tell("reset");
  }

  async counts(): Promise<Counts> {
    return allCounts.parse(await this.#tell("counts"));
  }

  async countsOf({ path }: BenchBlob): Promise<PathCounts> {
    return (await this.counts()).paths[path] ?? noCounts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }

  async #tell(what: string, body?: unknown): Promise<unknown> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const { bytes } = await read(`${this.origin}/bench/${what}`, { method: "POST", body: text });
    return JSON.parse(bytes.toString());
  }
}
