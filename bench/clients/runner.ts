import { Agent } from "node:http";
import { digestOf } from "../../src/oci/digest.ts";
import { ociManifest } from "../../src/oci/media-type.ts";
import type { BenchImage } from "../content/images.ts";
import type { BenchBlob } from "../upstream/upstream.ts";
import { drain, open, read } from "./http.ts";

/** As docker and containerd do by default. */
const blobsAtOnce = 3;
const headers = { accept: ociManifest };

/** A machine that has nothing yet: what the tag points to, the manifest, then its blobs. */
export class Runner implements Disposable {
  readonly #origin: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: blobsAtOnce });

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Bytes that came. Throws if anything is not as it has to be. */
  async pull(image: BenchImage): Promise<number> {
    const { repository, tag, digest, blobs } = image;
    const base = `${this.#origin}/v2/${repository}/manifests`;
    await this.#head(`${base}/${tag}`);
    const { bytes } = await read(`${base}/${digest}`, { headers, agent: this.#agent });
    if (digestOf(bytes) !== digest) throw new Error(`${base}/${digest} gave another manifest`);
    const left = [...blobs];
    const pullSome = async (): Promise<void> => {
      for (let blob = left.shift(); blob; blob = left.shift()) await this.#take(blob);
    };
    await Promise.all(Array.from({ length: blobsAtOnce }, pullSome));
    return bytes.length + blobs.reduce((sum, { size }) => sum + size, 0);
  }

  /** From there to the end. */
  async pullRange({ path, size }: BenchBlob, first: number): Promise<number> {
    const range = { range: `bytes=${first}-` };
    const bytes = await drain(this.#origin + path, { headers: range, agent: this.#agent });
    if (bytes !== size - first) throw new Error(`${path} gave ${bytes} bytes of ${size - first}`);
    return bytes;
  }

  /** Leaves once something came. */
  async leaveEarly({ path }: BenchBlob): Promise<void> {
    const response = await open(this.#origin + path);
    for await (const _ of response) break;
    if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #head(url: string): Promise<void> {
    const response = await open(url, { method: "HEAD", headers, agent: this.#agent });
    response.resume();
    if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
  }

  async #take({ path, size }: BenchBlob): Promise<void> {
    const bytes = await drain(this.#origin + path, { agent: this.#agent });
    if (bytes !== size) throw new Error(`${path} gave ${bytes} bytes of ${size}`);
  }
}
