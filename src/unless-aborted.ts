/**
 * `promise`, but rejects with the signal's reason as soon as that is aborted: for work that cannot
 * be told to end. `onLate` gets what it brings after that.
 */
export async function unlessAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  onLate: (result: Result) => void = () => undefined,
): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    promise.then(onLate, () => undefined);
    aborted.reject(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
