import { describe, expect, test } from "@jest/globals";
import {
  defaultFirst,
  isLoopback,
  isSameUrl,
  locationOf,
  parseMirrorUrl,
} from "../../../src/clients/mirror.ts";

describe("a mirror's URL", () => {
  test.each([
    ["http://mirror.lan:5000", "http://mirror.lan:5000"],
    ["HTTPS://Mirror.LAN/", "https://mirror.lan"],
    ["http://[::1]:5000", "http://[::1]:5000"],
    ["http://10.0.0.7:80", "http://10.0.0.7"],
  ])("%s is %s", (text, url) => {
    expect(parseMirrorUrl(text)).toBe(url);
  });

  test.each([
    "mirror.lan:5000",
    "ftp://mirror.lan",
    "http://user@mirror.lan",
    "http://mirror.lan/v2",
    "http://mirror.lan?x",
    "http://mirror lan",
    "http://",
    "",
  ])("is not %j", (text) => {
    expect(parseMirrorUrl(text)).toBeUndefined();
  });

  test.each([
    ["http://mirror.lan:5000", "mirror.lan:5000"],
    ["https://mirror.lan", "mirror.lan"],
    ["http://mirror", "mirror:80"],
    ["https://mirror", "mirror:443"],
    ["http://[::1]:5000", "[::1]:5000"],
  ])("%s stands in names as %s, which no client takes for a part of them", (url, location) => {
    expect(locationOf({ url, upstreams: [] })).toBe(location);
  });

  test.each(["localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"])(
    "http://%s is of this host alone",
    (host) => {
      expect(isLoopback({ url: `http://${host}`, upstreams: [] })).toBe(true);
    },
  );

  test.each(["localhost.example.com", "128.0.0.1", "127.example.com", "[::2]"])(
    "http://%s is not",
    (host) => {
      expect(isLoopback({ url: `http://${host}`, upstreams: [] })).toBe(false);
    },
  );

  test("is the same with another case, a slash, the usual port; not with a path", () => {
    expect(isSameUrl("http://MIRROR.lan:80/", "http://mirror.lan")).toBe(true);
    expect(isSameUrl("http://mirror.lan/hub", "http://mirror.lan")).toBe(false);
    expect(isSameUrl("https://mirror.lan", "http://mirror.lan")).toBe(false);
    expect(isSameUrl(5000, "http://mirror.lan")).toBe(false);
  });
});

test("the default upstream comes first, the others as they are configured", () => {
  expect(defaultFirst(["*", "ghcr.io", "docker.io", "quay.io"], "docker.io")).toEqual([
    "docker.io",
    "*",
    "ghcr.io",
    "quay.io",
  ]);
});
