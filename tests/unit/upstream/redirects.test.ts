import { expect, test } from "@jest/globals";
import { directEgress } from "../../../src/upstream/egress/egress.ts";
import { followRedirects } from "../../../src/upstream/redirects.ts";
import { Transport, type HttpRequest, type HttpResponse } from "../../../src/upstream/transport.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { never } from "./open-upstream.ts";

/** Answers of a real server, taken for those of whatever the request names. */
async function followFrom(start: string, location: string): Promise<HttpRequest[]> {
  await using registry = await FakeRegistry.start();
  registry.inject(() => true, { times: 1, status: 307, headers: { location } });
  await using transport = new Transport({
    egress: directEgress,
    ownHost: "127.0.0.1",
    guard: undefined,
    connectTimeoutMs: 1000,
    responseTimeoutMs: 1000,
    stallTimeoutMs: 1000,
    onAttempt: () => {},
  });
  const sent: HttpRequest[] = [];
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    sent.push(request);
    const response = await transport.send({ ...request, url: new URL(registry.url) });
    return { ...response, url: request.url };
  };
  const headers = { authorization: "Bearer t", range: "bytes=1-" };
  const url = new URL(start);
  const request = { method: "GET", url, headers, signal: never, purpose: "registry" } as const;
  const { body } = await followRedirects(request, send);
  await body.dump();
  return sent;
}

test.each([
  ["another scheme", "http://a.test/x", "https://a.test/y"],
  ["another port", "https://a.test/x", "https://a.test:8443/y"],
  ["another host", "https://a.test/x", "https://b.test/y"],
  ["a host below", "https://a.test/x", "https://sub.a.test/y"],
])("a redirect to %s drops the authorization and keeps the range", async (_, from, to) => {
  const [, second] = await followFrom(from, to);
  expect(second?.url.href).toBe(to);
  expect(second?.headers).toEqual({ range: "bytes=1-" });
});

test("a redirect within the same origin keeps all headers", async () => {
  const [, second] = await followFrom("https://a.test/x", "y?z=1");
  expect(second?.url.href).toBe("https://a.test/y?z=1");
  expect(second?.headers).toEqual({ authorization: "Bearer t", range: "bytes=1-" });
});

test("a redirect from https to http is refused", async () => {
  await expect(followFrom("https://a.test/x", "http://a.test/y")).rejects.toMatchObject({
    failure: "invalid",
    message: "https://a.test: redirect from https to http",
  });
});
