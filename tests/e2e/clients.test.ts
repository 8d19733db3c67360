import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ContainerTools } from "../support/e2e-containers.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushImage, pushIndex } from "../support/e2e-push.ts";
import { World } from "../support/e2e-world.ts";
import { makeIndex } from "../support/images.ts";

const MIB = 1024 * 1024;

/** A world whose upstream has library/app:1 for one machine and library/multi:1 for two. */
async function startWorld() {
  await using owned = new AsyncDisposableStack();
  const world = owned.use(await World.start());
  const { directory, hub, mirror } = world;
  const layers = [4 * MIB, 2 * MIB];
  const app = await makeRunnableImage(directory, { seed: "app", layers });
  const other = await makeRunnableImage(directory, { seed: "other", architecture: "arm64" });
  const multi = makeIndex([app, other]);
  await pushImage(hub.pushUrl, "library/app", "1", app);
  await pushIndex(hub.pushUrl, "library/multi", "1", multi);
  const tools = await ContainerTools.create(join(directory, "tools"), mirror.host);
  const all = owned.move();
  return { hub, mirror, tools, app, multi, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

describe("clients of docker.io with the mirror in registries.conf", () => {
  test("skopeo inspects what upstream has, and again when upstream is gone", async () => {
    await using world = await startWorld();
    const { hub, tools, app } = world;
    const inspect = ["inspect", "--no-tags", "docker://docker.io/library/app:1"];
    const cold = await tools.skopeo(inspect);
    await hub.goAway();
    const warm = await tools.skopeo(inspect);
    expect(JSON.parse(cold)).toMatchObject({ Digest: app.manifest.digest });
    expect(warm).toBe(cold);
  });

  test("skopeo copies every image of an index, byte for byte", async () => {
    await using world = await startWorld();
    const { hub, tools, multi } = world;
    const target = join(tools.directory, "copy");
    const copy = ["copy", "--all", "docker://docker.io/library/multi:1", `dir:${target}`];
    await tools.skopeo(copy);
    await hub.goAway();
    await tools.skopeo(copy);
    expect(await readFile(join(target, "manifest.json"))).toEqual(multi.manifest.bytes);
    for (const { config, layers } of multi.images) {
      for (const { digest, bytes } of [config, ...layers]) {
        const copied = await readFile(join(target, digest.replace("sha256:", "")));
        expect(copied.equals(bytes)).toBe(true);
      }
    }
  });

  test("podman pulls the image of an index for its machine and runs it", async () => {
    await using world = await startWorld();
    const { hub, tools, multi } = world;
    const [app, other] = multi.images;
    await tools.podman(["pull", ...tools.policyArgs(), "docker.io/library/multi:1"]);
    await hub.goAway();
    await tools.podman(["rmi", "--all", "--force"]);
    await tools.podman(["pull", ...tools.policyArgs(), "docker.io/library/multi:1"]);
    const command = ["run", "--rm", "--network=none", "docker.io/library/multi:1"];
    expect(await tools.podman(command)).toContain("app");
    expect(hub.downloadsOf(app?.config.digest ?? "")).toBe(1);
    expect(hub.downloadsOf(other?.config.digest ?? "")).toBe(0);
  });

  test("buildah pulls by digest, and again when upstream is gone", async () => {
    await using world = await startWorld();
    const { hub, tools, app } = world;
    const name = `docker.io/library/app@${app.manifest.digest}`;
    await tools.buildah(["pull", ...tools.policyArgs(), name]);
    await hub.goAway();
    await tools.buildah(["rmi", "--all", "--force"]);
    const id = await tools.buildah(["pull", ...tools.policyArgs(), name]);
    expect(id).toContain(app.config.digest.replace("sha256:", ""));
  });
});
