import type { Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { errorAnswer, jsonAnswer, type Answer } from "./fake-registry-answer.ts";
import { answerReferrers } from "./fake-registry-referrers.ts";

interface RepositoryContent {
  manifests: Map<string, Manifest>;
  tags: Map<string, Digest>;
  blobs: Map<string, Uint8Array>;
}

/** What the fake registry's repositories hold, and the plain answers to requests for it. */
export class FakeContent {
  readonly #repositories = new Map<string, RepositoryContent>();

  repository(name: string): RepositoryContent {
    const known = this.#repositories.get(name);
    if (known) return known;
    const created = { manifests: new Map(), tags: new Map(), blobs: new Map() };
    this.#repositories.set(name, created);
    return created;
  }

  answerManifest(name: string, reference: string): Answer {
    const content = this.#repositories.get(name);
    const manifest = content?.manifests.get(content.tags.get(reference) ?? reference);
    if (!manifest) return errorAnswer(404, "MANIFEST_UNKNOWN");
    const headers = {
      "content-type": manifest.mediaType,
      "docker-content-digest": manifest.digest,
    };
    return { status: 200, headers, body: manifest.bytes };
  }

  answerBlob(name: string, digest: string): Answer {
    const bytes = this.#repositories.get(name)?.blobs.get(digest);
    if (!bytes) return errorAnswer(404, "BLOB_UNKNOWN");
    const headers = {
      "content-type": "application/octet-stream",
      "docker-content-digest": digest,
      "accept-ranges": "bytes",
    };
    return { status: 200, headers, body: bytes, ranged: true };
  }

  answerReferrers(
    name: string,
    subject: string,
    asked: { query: URLSearchParams; pageLength: number | undefined },
  ): Answer {
    const manifests = this.#repositories.get(name)?.manifests.values();
    return answerReferrers(manifests, { repository: name, subject, ...asked });
  }

  answerTags(name: string, query: URLSearchParams): Answer {
    const content = this.#repositories.get(name);
    if (!content) return errorAnswer(404, "NAME_UNKNOWN");
    const last = query.get("last") ?? "";
    const rest = [...content.tags.keys()].toSorted().filter((tag) => tag > last);
    const tags = rest.slice(0, Number(query.get("n") ?? rest.length));
    const end = tags.at(-1);
    if (tags.length === rest.length || end === undefined) return jsonAnswer({ name, tags });
    const next = new URLSearchParams(query);
    next.set("last", end);
    return jsonAnswer(
      { name, tags },
      { link: `</v2/${name}/tags/list?${next.toString()}>; rel="next"` },
    );
  }
}
