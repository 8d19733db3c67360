import { describe, expect, test } from "@jest/globals";
import { parseListenAddress } from "../../../src/config/listen-address.ts";

describe("parseListenAddress", () => {
  test.each([
    ["0.0.0.0:5000", "0.0.0.0", 5000],
    [":5000", "0.0.0.0", 5000],
    ["localhost:0", "localhost", 0],
    ["mirror.example.com:65535", "mirror.example.com", 65_535],
    ["[::]:5000", "::", 5000],
    ["[fe80::1]:80", "fe80::1", 80],
  ])("reads %s", (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  test.each([
    "",
    "5000",
    "localhost",
    "localhost:",
    "localhost:65536",
    "localhost:-1",
    "::1:5000",
    "[127.0.0.1]:5000",
    "[::1]",
    "127.0.0:5000",
    "1.2.3.400:5000",
    "http://localhost:5000",
    "local host:5000",
  ])("does not take %j for an address", (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });
});
