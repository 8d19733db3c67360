import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, send } from "./e2e-http.ts";
import { RunningProgram } from "./e2e-process.ts";
import { eventually } from "./wait.ts";

/** Debian's `docker-registry`, the reference registry, on loopback and without authentication. */
export class DockerRegistry implements AsyncDisposable {
  readonly url: string;
  readonly #program: RunningProgram;

  private constructor(url: string, program: RunningProgram) {
    this.url = url;
    this.#program = program;
  }

  static async start(directory: string): Promise<DockerRegistry> {
    await mkdir(directory, { recursive: true });
    const address = `127.0.0.1:${await freePort()}`;
    const file = join(directory, "config.yml");
    await writeFile(file, JSON.stringify(configuration(address, join(directory, "content"))));
    const program = new RunningProgram("docker-registry", ["serve", file]);
    const registry = new DockerRegistry(`http://${address}`, program);
    await eventually(`docker-registry to answer`, () => registry.#answers());
    return registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  async #answers(): Promise<boolean> {
    if (!this.#program.isRunning) throw new Error(`docker-registry: ${this.#program.output}`);
    try {
      const res = await send(`${this.url}/v2/`, "GET");
      res.resume();
      return res.statusCode === 200;
    } catch {
      return false;
    }
  }
}

function configuration(addr: string, rootdirectory: string): object {
  return {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory }, delete: { enabled: true } },
    http: { addr },
  };
}
