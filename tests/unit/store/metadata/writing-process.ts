/**
 * Saves a manifest with a layer, a tag and a blob after another, until it is killed; writes each
 * one's number once all of it was acknowledged. Argument: path of the database.
 */
import { writeSync } from "node:fs";
import { pino } from "pino";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { repository, makeRound } from "./rounds.ts";

const log = pino({ enabled: false });
const store = await SqliteMetadataStore.open({ path: process.argv[2] ?? "", log });
for (let number = 0; ; number += 1) {
  const { manifest, layer, tag } = makeRound(number);
  await store.saveManifest({
    repository,
    manifest,
    references: [layer],
    subject: undefined,
    at: number,
  });
  await store.saveTag(repository, tag, manifest.digest, number);
  await store.saveBlob(layer.digest, { size: layer.size, checkedAt: number }, number);
  writeSync(1, `${number}\n`);
}
