import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { isRegistryUrl, parseRoute } from "../../../src/http/v2/path.ts";
import { RegistryError } from "../../../src/oci/errors.ts";
import { formatReference } from "../../../src/oci/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("the path of a request", () => {
  test.each([
    ["/v2/library/node/manifests/24", "library/node", "24"],
    ["/v2/node/manifests/24/", "node", "24"],
    ["//v2//library//node//manifests//24", "library/node", "24"],
    ["http://mirror:5000/v2/node/manifests/24?ns=docker.io", "node", "24"],
    ["/v2/library%2Fnode/manifests/24", "library/node", "24"],
    [`/v2/a/manifests/sha256%3A${"a".repeat(64)}`, "a", digest],
    ["/v2/a/manifests/b/manifests/c", "a/manifests/b", "c"],
    ["/v2/a/blobs/manifests/blobs", "a/blobs", "blobs"],
    ["/v2/tags/list/manifests/1", "tags/list", "1"],
    ["/v2/manifests/manifests/manifests", "manifests", "manifests"],
  ])("%s names a manifest, read from the right", (url, name, reference) => {
    const route = parseRoute("GET", url);
    if (route.kind !== "manifest") throw new Error(`is ${route.kind}`);
    expect([route.name, formatReference(route.reference)]).toEqual([name, reference]);
  });

  test.each([
    [`/v2/a/blobs/${digest}`, { kind: "blob", name: "a", digest, namespace: undefined }],
    [`/v2/uploads/blobs/${digest}?ns=h:1`, { kind: "blob", name: "uploads", namespace: "h:1" }],
    ["/v2/a/manifests/tags/list?ns=", { kind: "tags", name: "a/manifests", namespace: undefined }],
    ["/v2?ns=docker.io", { kind: "version" }],
  ])("%s", (url, route) => {
    expect(parseRoute("HEAD", url)).toMatchObject(route);
  });

  test("keeps the query of a tag list as it is, apart from ns", () => {
    const route = parseRoute("GET", "/v2/a/tags/list?n=2&last=x%3Fy?z&ns=docker.io");
    if (route.kind !== "tags") throw new Error(`is ${route.kind}`);
    expect([...route.query]).toEqual([
      ["n", "2"],
      ["last", "x?y?z"],
    ]);
  });

  test.each([
    ["/v2", true],
    ["/v2?x", true],
    ["///v2/a", true],
    ["http://h/v2/", true],
    ["/v2a/", false],
    ["/a/v2/", false],
    ["/", false],
  ])("%s is the registry API's: %p", (url, is) => {
    expect(isRegistryUrl(url)).toBe(is);
  });

  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}$/);
  const keyword = fc.constantFrom("manifests", "blobs", "tags", "list", "referrers", "uploads");
  const name = fc
    .array(fc.oneof(component, keyword), { minLength: 1, maxLength: 5 })
    .map((components) => components.join("/"));
  const tag = fc.stringMatching(/^\w[\w.-]{0,20}$/);
  const slashes = fc.constantFrom("/", "//", "///");

  test("gives back any name and tag, whatever is between them", () => {
    fc.assert(
      fc.property(name, tag, slashes, fc.boolean(), (text, reference, slash, isEncoded) => {
        const sent = isEncoded ? encodeURIComponent(text) : text;
        const route = parseRoute("GET", `/v2${slash}${sent}${slash}manifests${slash}${reference}`);
        expect(route).toMatchObject({ kind: "manifest", name: text });
        expect(route).toMatchObject({ reference: { kind: "tag", tag: reference } });
      }),
    );
  });

  test("is a valid route or a RegistryError, whatever it holds", () => {
    const piece = fc.oneof(keyword, component, fc.constantFrom("..", "%2f", "%", "%00", "?", "/"));
    const rest = fc.array(fc.oneof(piece, fc.string()), { maxLength: 8 });
    fc.assert(
      fc.property(rest, (pieces) => {
        const outcome = routeOrError(`/v2/${pieces.join("/")}`);
        if (outcome instanceof RegistryError) return;
        const named = outcome.kind === "version" ? "a" : outcome.name;
        expect(named).toMatch(/^[a-z0-9._/-]{1,255}$/);
        expect(named.split("/")).not.toContain("..");
      }),
    );
  });
});

function routeOrError(url: string) {
  try {
    return parseRoute("GET", url);
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}
