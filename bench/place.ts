/** Where a server under measurement lives. */
export interface Place {
  /** Removed at the end, with all that is in it. */
  directory: string;
  /** main.js of the built mirror. */
  mirrorMain: string;
  /** Aborted when the run is to end early. */
  signal: AbortSignal;
}
