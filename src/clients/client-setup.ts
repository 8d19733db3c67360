/** What one kind of client needs to pull through the mirror. */
export interface ClientSetup {
  /** For people: `Podman, Buildah, Skopeo`. */
  title: string;
  files: ClientFile[];
  /** What only somebody who knows the host can put in its place. */
  snippets: Snippet[];
  /** Shell commands, in order, after files have changed. */
  afterwards: string[];
  /** Sentences. */
  notes: string[];
}

interface Snippet {
  where: string;
  text: string;
}

/** A file that clients read. All of its functions throw ClientFileError for a text they cannot use. */
export interface ClientFile {
  /** Absolute. */
  path: string;
  /** Which of the mirror's upstreams it is for. */
  upstreams: readonly string[];
  /** All of it where there is none yet. */
  text: string;
  /** Adds what is missing, keeps everything else; what lacks nothing comes back as it is. */
  merge: (existing: string) => Merged;
  /** Those of `upstreams` that a file sends to the mirror. */
  findUpstreams: (existing: string) => string[];
}

export interface Merged {
  text: string;
  /** Comments of the file that was there are not in `text`. */
  losesComments: boolean;
}

/** What is wrong with a file, as the end of a sentence that begins with its path; no text of it. */
export class ClientFileError extends Error {
  override readonly name = "ClientFileError";
}

export function unchanged(text: string): Merged {
  return { text, losesComments: false };
}
