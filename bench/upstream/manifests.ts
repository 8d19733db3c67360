import { digestOf } from "../../src/oci/digest.ts";

export interface UpstreamManifest {
  repository: string;
  /** Absent: by digest only. */
  tag?: string;
  mediaType: string;
  text: string;
}

interface StoredManifest {
  mediaType: string;
  digest: string;
  bytes: Buffer;
}

/** By path, such as /v2/library/node/manifests/24. */
export class UpstreamManifests {
  readonly #byPath = new Map<string, StoredManifest>();

  add({ repository, tag, mediaType, text }: UpstreamManifest): void {
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    const references = tag === undefined ? [digest] : [digest, tag];
    for (const reference of references) {
      this.#byPath.set(`/v2/${repository}/manifests/${reference}`, { mediaType, digest, bytes });
    }
  }

  find(path: string): StoredManifest | undefined {
    return this.#byPath.get(path);
  }
}
