import { discardBody, type HttpRequest, type HttpResponse } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const maxRedirects = 5;

/**
 * Sends, and follows where that leads, with the same method and headers: ranges are kept, but
 * `authorization` goes no further than its first origin. Throws UpstreamError "invalid" on a
 * redirect no registry should make. Locations may be signed: they show in no message.
 */
export async function followRedirects(
  first: HttpRequest,
  send: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  let request = first;
  for (let followed = 0; followed <= maxRedirects; followed += 1) {
    const response = await send(request);
    if (!redirectStatuses.has(response.status)) return response;
    await discardBody(response);
    request = { ...request, ...nextHop(request, response) };
  }
  throw new UpstreamError("invalid", `${first.url.origin}: more than ${maxRedirects} redirects`);
}

function nextHop(
  request: HttpRequest,
  response: HttpResponse,
): Pick<HttpRequest, "url" | "headers"> {
  const url = readLocation(response);
  if (url.origin === request.url.origin) return { url, headers: request.headers };
  const { authorization: _dropped, ...headers } = request.headers;
  return { url, headers };
}

function readLocation({ headers, url: from }: HttpResponse): URL {
  const url = URL.parse(headers.location ?? "", from.href);
  if (headers.location === undefined || !url) throw badRedirect(from, "without a location");
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw badRedirect(from, "to no web address");
  if (from.protocol === "https:" && url.protocol === "http:")
    throw badRedirect(from, "from https to http");
  return url;
}

function badRedirect(from: URL, what: string): UpstreamError {
  return new UpstreamError("invalid", `${from.origin}: redirect ${what}`);
}
