/** A name that a file mentions. */
interface FoundName {
  name: string;
  line: number;
  /** What may explain why it is none: that a variable is not set. */
  hint?: string;
}

/** The names in a file, and what in it cannot be understood. */
export interface FoundNames {
  names: FoundName[];
  problems: { line: number; problem: string }[];
}
