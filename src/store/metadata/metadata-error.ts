/**
 * full: no space or quota · read-only: the file system takes no writes · in-use: another process
 * holds the store · failed: anything else.
 */
export type MetadataFailure = "full" | "read-only" | "in-use" | "failed";

/** The store could not do it; nothing of the step was done. */
export class MetadataError extends Error {
  override readonly name = "MetadataError";
  readonly failure: MetadataFailure;

  constructor(failure: MetadataFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
