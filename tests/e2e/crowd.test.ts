import { describe, expect, test } from "@jest/globals";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ContainerTools } from "../support/e2e-containers.ts";
import { download } from "../support/e2e-http.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushImage } from "../support/e2e-push.ts";
import { World } from "../support/e2e-world.ts";

const MIB = 1024 * 1024;
const CLIENTS = Array.from({ length: 8 }, (_, index) => String(index));

describe("eight clients of one cold image", () => {
  test("cost upstream one download of each blob, one HEAD and one GET of the manifest", async () => {
    await using world = await World.start();
    const { directory, hub, mirror } = world;
    const layers = [16 * MIB, 8 * MIB];
    const image = await makeRunnableImage(directory, { seed: "crowd", layers });
    await pushImage(hub.pushUrl, "library/app", "1", image);
    await mkdir(join(directory, "copy"));
    const tools = await ContainerTools.create(join(directory, "tools"), mirror.host);

    await Promise.all(
      CLIENTS.map((client) =>
        tools.skopeo([
          "copy",
          "docker://docker.io/library/app:1",
          `dir:${join(directory, "copy", client)}`,
        ]),
      ),
    );

    for (const { digest, bytes } of [image.config, ...image.layers]) {
      expect({ digest, bytes: hub.bytesOf(digest) }).toEqual({ digest, bytes: bytes.length });
    }
    const manifests = hub.requests.filter((line) => line.includes(" manifest "));
    expect(manifests.toSorted()).toEqual([
      `GET manifest ${image.manifest.digest} 200`,
      "HEAD manifest 1 200",
    ]);
  });

  test("all get the bytes while upstream holds the last of them back", async () => {
    await using world = await World.start();
    const { directory, hub, mirror } = world;
    const image = await makeRunnableImage(directory, { seed: "held", layers: [8 * MIB] });
    await pushImage(hub.pushUrl, "library/app", "1", image);
    const [, layer] = image.layers;
    if (!layer) throw new Error("the image has no big layer");
    const url = `${mirror.url}/v2/library/app/blobs/${layer.digest}`;

    hub.holdAfter(2 * MIB);
    const first = download(url);
    await hub.journal.waitFor(({ bytesSent }) => bytesSent > MIB);
    const others = CLIENTS.map(() => download(url));
    hub.release();

    for (const { status, digest } of await Promise.all([first, ...others])) {
      expect({ status, digest }).toEqual({ status: 200, digest: layer.digest });
    }
    expect(hub.bytesOf(layer.digest)).toBe(layer.bytes.length);
  });
});
