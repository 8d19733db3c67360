import { Agent as HttpAgent, get as getHttp, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, get as getHttps } from "node:https";

const timeoutMs = 5000;

/** What is wrong with the mirror as clients see it; undefined: nothing. Waits for 10 s at most. */
export async function findMirrorProblem(
  url: string,
  stop: AbortSignal,
): Promise<string | undefined> {
  try {
    const api = await fetchStatus(`${url}/v2/`, stop);
    if (api !== 200) return `${url}/v2/ answered ${api}: no registry, or not this mirror`;
    const health = await fetchStatus(`${url}/healthz`, stop);
    if (health === 200) return undefined;
    return `${url}/healthz answered ${health}: not this mirror, or it is about to stop`;
  } catch (error) {
    if (stop.aborted) return "stopped before it answered";
    return `${url} cannot be reached: ${describeError(error)}`;
  }
}

/** With an agent of its own: the global one may go through a proxy that the environment names. */
async function fetchStatus(url: string, stop: AbortSignal): Promise<number | undefined> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
  const answered = Promise.withResolvers<number | undefined>();
  const onResponse = (response: IncomingMessage) => {
    response.destroy();
    answered.resolve(response.statusCode);
  };
  const request = url.startsWith("https:")
    ? getHttps(url, { agent: new HttpsAgent(), signal }, onResponse)
    : getHttp(url, { agent: new HttpAgent(), signal }, onResponse);
  request.on("error", answered.reject);
  return answered.promise;
}

function describeError(error: unknown): string {
  if (!Error.isError(error)) return String(error);
  if (error.name === "AbortError" || error.name === "TimeoutError") return "no answer in time";
  // Of several addresses that were tried, the error that sums up has no message.
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}
