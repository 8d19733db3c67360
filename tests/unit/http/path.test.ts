import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { findHost, isRegistryUrl, parseRoute } from "../../../src/http/v2/path.ts";
import { RegistryError } from "../../../src/oci/errors.ts";
import { formatReference } from "../../../src/oci/reference.ts";
import { checkRequestedName } from "../../../src/oci/requested-name.ts";

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
    ["/v2/reg.lan:5001/team/app/manifests/1", "reg.lan:5001/team/app", "1"],
    ["/v2/reg.lan%3A5001/team/app/manifests/1", "reg.lan:5001/team/app", "1"],
    ["/v2/GHCR.io/owner/app/manifests/1", "GHCR.io/owner/app", "1"],
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
    ["/v2/_catalog", { kind: "catalog", namespace: undefined }],
    ["//v2//_catalog/?ns=ghcr.io", { kind: "catalog", namespace: "ghcr.io" }],
    [
      `/v2/a/b/referrers/${digest}?ns=ghcr.io`,
      { kind: "referrers", name: "a/b", digest, namespace: "ghcr.io", artifactType: undefined },
    ],
    [
      `/v2/a/referrers/${digest}/?artifactType=application%2Fx%2Bjson`,
      { kind: "referrers", name: "a", artifactType: "application/x+json" },
    ],
    [`/v2/a/referrers/${digest}?artifactType=`, { kind: "referrers", artifactType: undefined }],
  ])("%s", (url, route) => {
    expect(parseRoute("HEAD", url)).toMatchObject(route);
  });

  test.each([
    ["/v2/_catalog/x", "NAME_UNKNOWN"],
    ["/v2/a/_catalog", "NAME_UNKNOWN"],
    ["/v2/ghcr.io/manifests/latest/x", "TAG_INVALID"],
    ["/v2/_catalog?ns=a%20b", "NAME_INVALID"],
    ["/v2/a:b/manifests/1", "NAME_INVALID"],
    ["/v2/a/reg.lan:5001/manifests/1", "NAME_INVALID"],
    ["/v2/a/referrers/latest", "DIGEST_INVALID"],
  ])("%s is %s", (url, code) => {
    expect(() => parseRoute("GET", url)).toThrow(expect.objectContaining({ code }));
  });

  test.each(["/v2/_catalog", `/v2/a/referrers/${digest}`])("%s can only be read", (url) => {
    expect(() => parseRoute("DELETE", url)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
  });

  test.each(["/v2/a/tags/list", "/v2/_catalog"])("keeps the query of %s, apart from ns", (path) => {
    const route = parseRoute("GET", `${path}?n=2&last=x%3Fy?z&ns=docker.io`);
    if (route.kind !== "tags" && route.kind !== "catalog") throw new Error(`is ${route.kind}`);
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

  test.each([
    ["/v2/", "mirror:5000", "mirror:5000"],
    ["http://other:80/v2/", "mirror:5000", "other:80"],
    ["https://other?x", undefined, "other"],
    ["/v2/", undefined, undefined],
  ])("%s with Host %p came to %p", (url, header, host) => {
    expect(findHost(url, header)).toBe(host);
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
    const oddity = fc.constantFrom("..", "%2f", "%", "%00", "?", "/", "_catalog", "a.b:1", "[::1]");
    const piece = fc.oneof(keyword, component, oddity);
    const rest = fc.array(fc.oneof(piece, fc.string()), { maxLength: 8 });
    fc.assert(
      fc.property(rest, (pieces) => {
        const outcome = routeOrError(`/v2/${pieces.join("/")}`);
        if (outcome instanceof RegistryError) return;
        if (outcome.kind === "version" || outcome.kind === "catalog") return;
        expect(() => checkRequestedName(outcome.name)).not.toThrow();
        expect(outcome.name).toMatch(/^[A-Za-z0-9._/:[\]-]{1,515}$/);
        expect(outcome.name.split("/")).not.toContain("..");
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
