import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./e2e-process.ts";
import { makeTempDir } from "./temp-dir.ts";

/** A file system of its own, of so many MiB, until it is disposed of. Mounting it needs root. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(path: string, owned: AsyncDisposableStack) {
    this.path = path;
    this.#owned = owned;
  }

  static async mount(mebibytes: number): Promise<SmallDisk> {
    await using owned = new AsyncDisposableStack();
    const directory = owned.use(await makeTempDir());
    const path = join(directory.path, "disk");
    await mkdir(path);
    const disk = new SmallDisk(path, owned.move());
    await disk.#mount("-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs");
    return disk;
  }

  /** For all that is opened from now on. A remount of the disk itself fails while it is in use. */
  async makeReadOnly(): Promise<void> {
    await this.#mount("--bind", this.path);
    await run("mount", ["-o", "remount,bind,ro", this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #mount(...args: string[]): Promise<void> {
    await run("mount", [...args, this.path]);
    this.#owned.defer(async () => void (await run("umount", [this.path])));
  }
}
