import { describe, expect, test } from "@jest/globals";
import { parseNetworkProxy } from "../../../../src/upstream/egress/network-proxy.ts";

describe("parseNetworkProxy", () => {
  test.each([
    ["http://proxy.example:3128", "http:", "proxy.example", 3128],
    ["http://proxy.example", "http:", "proxy.example", 80],
    ["https://proxy.example/", "https:", "proxy.example", 443],
    ["socks5://10.0.0.1", "socks5:", "10.0.0.1", 1080],
    ["socks5h://10.0.0.1:9050", "socks5:", "10.0.0.1", 9050],
    ["socks5://[::1]:1080", "socks5:", "::1", 1080],
  ])("reads %s", (text, protocol, hostname, port) => {
    const proxy = parseNetworkProxy(text);
    expect(proxy).toMatchObject({ protocol, hostname, port, credentials: undefined });
  });

  test.each(["http", "https", "socks5"])("decodes the credentials of a %s proxy", (scheme) => {
    const proxy = parseNetworkProxy(`${scheme}://j%40ne:p%3Ass%2Fw%C3%B6rd@proxy.example:9999`);
    expect(proxy.credentials).toEqual({ username: "j@ne", password: "p:ss/wörd" });
    expect(proxy.name).toBe(`${scheme}://proxy.example:9999`);
  });

  test.each(["proxy.example:3128", "ftp://proxy.example", "socks4://proxy.example", "http://", ""])(
    "says how a proxy is written instead of %p",
    (text) => {
      expect(() => parseNetworkProxy(text)).toThrow(/http:\/\/host:port.*socks5:\/\/host:port/);
    },
  );

  test.each([
    ["socks4://jane:secret@proxy.example", "a proxy is written"],
    ["http://jane:se%cret@proxy.example", "must be percent-encoded"],
    [`socks5://jane:secret${"x".repeat(255)}@proxy.example`, "up to 255 bytes"],
  ])("tells no secret of %s", (text, words) => {
    expect(() => parseNetworkProxy(text)).toThrow(words);
    expect(() => parseNetworkProxy(text)).not.toThrow(/jane|se.?cret/);
  });
});
