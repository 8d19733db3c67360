import { join } from "node:path";
import { Hub } from "./e2e-hub.ts";
import { BuiltMirror, type MirrorOptions } from "./e2e-mirror.ts";
import { makeTempDir } from "./temp-dir.ts";

/** An upstream, a mirror of it, and a directory for what else a test starts. */
export class World implements AsyncDisposable {
  readonly directory: string;
  readonly hub: Hub;
  readonly mirror: BuiltMirror;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    parts: { directory: string; hub: Hub; mirror: BuiltMirror },
    owned: AsyncDisposableStack,
  ) {
    this.directory = parts.directory;
    this.hub = parts.hub;
    this.mirror = parts.mirror;
    this.#owned = owned;
  }

  static async start(options: Omit<MirrorOptions, "directory" | "endpoint"> = {}): Promise<World> {
    await using owned = new AsyncDisposableStack();
    const { path: directory } = owned.use(await makeTempDir());
    const hub = owned.use(await Hub.start(join(directory, "hub")));
    const mirror = owned.use(
      await BuiltMirror.start({
        directory: join(directory, "mirror"),
        endpoint: hub.url,
        ...options,
      }),
    );
    return new World({ directory, hub, mirror }, owned.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
