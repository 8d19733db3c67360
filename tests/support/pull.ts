import { digestOf } from "../../src/oci/digest.ts";
import type { TestImage } from "./images.ts";
import type { Answer, TestMirror } from "./test-mirror.ts";

/** What the mirror said of where each part came from. */
export interface PullOutcome {
  tag: string | undefined;
  blobs: (string | undefined)[];
}

/** Pulls as dockerd does: HEAD the tag, GET its manifest by digest, GET every blob; all checked. */
export async function pull(
  mirror: TestMirror,
  name: string,
  tag: string,
  image: TestImage,
): Promise<PullOutcome> {
  const head = await mirror.head(`/v2/${name}/manifests/${tag}`);
  const digest = head.headers["docker-content-digest"] ?? "";
  expectBytes(await mirror.get(`/v2/${name}/manifests/${digest}`), image.manifest.bytes);
  const parts = [image.config, ...image.layers];
  const answers = await Promise.all(
    parts.map((blob) => mirror.get(`/v2/${name}/blobs/${blob.digest}`)),
  );
  answers.forEach((answer, index) => expectBytes(answer, parts[index]?.bytes));
  return {
    tag: head.headers["x-cache"],
    blobs: answers.map(({ headers }) => headers["x-cache"]),
  };
}

function expectBytes(answer: Answer, expected: Uint8Array | undefined): void {
  const found = digestOf(answer.body);
  if (answer.status === 200 && expected && found === digestOf(expected)) return;
  throw new Error(`pull failed: ${answer.status} with ${answer.body.length} bytes (${found})`);
}
