import { expect, test } from "@jest/globals";
import { download } from "../support/e2e-http.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushImage } from "../support/e2e-push.ts";
import { eventually } from "../support/wait.ts";
import { World } from "../support/e2e-world.ts";

const MIB = 1024 * 1024;

test("a second SIGTERM ends the mirror in the middle of a pull, and the client sees it", async () => {
  await using world = await World.start();
  const { directory, hub, mirror } = world;
  const image = await makeRunnableImage(directory, { seed: "cut", layers: [8 * MIB] });
  await pushImage(hub.pushUrl, "library/app", "1", image);
  const [, layer] = image.layers;
  hub.holdAfter(2 * MIB);
  const pull = download(`${mirror.url}/v2/library/app/blobs/${layer?.digest}`);
  const cut = expect(pull).rejects.toThrow();
  await hub.journal.waitFor(({ bytesSent }) => bytesSent > MIB);

  mirror.terminate();
  await eventually("new connections to be refused", async () => !(await mirror.isAnswering()));
  mirror.terminate();

  expect(await mirror.exited(5000)).toBe(1);
  await cut;
});
