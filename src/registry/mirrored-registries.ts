import type { MirroredRegistry } from "./mirror-repository.ts";

/** The registries that are mirrored: those configured by name, and those that a pattern lets in. */
export interface MirroredRegistries {
  /** By canonical host; undefined: it is not mirrored. */
  find(host: string): MirroredRegistry | undefined;
  /** Those configured by name, and of the others those in use. */
  list(): MirroredRegistry[];
}
