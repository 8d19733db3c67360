/** Upstream opened another body than was asked for: it cannot send from the middle. */
export class RangesIgnoredError extends Error {}
