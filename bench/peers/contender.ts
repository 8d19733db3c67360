import type { Program } from "../program.ts";

/** A server whose work is measured. */
export interface Contender {
  /** Its column in the tables. */
  readonly name: string;
  /** http://127.0.0.1:port */
  readonly origin: string;
  readonly program: Program;
}

/** The column of the mirror itself. */
export const us = "entrepot";
