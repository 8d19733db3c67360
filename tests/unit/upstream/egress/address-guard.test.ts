import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { AddressGuard } from "../../../../src/upstream/egress/address-guard.ts";

const guard = new AddressGuard({ allow: [] });

describe("findProblem", () => {
  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.0",
    "100.128.0.0",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
  ])("has nothing against %s", (address) => {
    expect(guard.findProblem(address)).toBeUndefined();
  });

  test.each([
    ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"]],
    ["loopback", ["127.0.0.1", "127.255.0.3", "::1"]],
    ["linkLocal", ["169.254.169.254", "fe80::1", "fe80::1%eth0"]],
    ["carrierGradeNat", ["100.64.0.1", "100.127.255.255"]],
    ["uniqueLocal", ["fc00::1", "fd00:ec2::254"]],
    ["multicast", ["224.0.0.1", "239.1.2.3", "ff02::1"]],
    ["unspecified", ["0.0.0.0", "0.1.2.3", "::"]],
    ["broadcast", ["255.255.255.255"]],
    ["reserved", ["240.0.0.1", "192.0.0.8", "4000::1", "::1.2.3.4"]],
    ["reserved", ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]],
    ["reserved", ["198.18.0.1", "198.19.255.255"]],
    ["benchmarking", ["2001:2::1"]],
    ["6to4", ["2002:808:808::1", "2002:a00:1::1"]],
    ["teredo", ["2001::1"]],
    ["private", ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::c0a8:101"]],
    ["linkLocal", ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]],
    ["loopback", ["::ffff:7f00:1", "64:ff9b::127.0.0.1"]],
    ["rfc6052", ["64:ff9b:1::10.0.0.1"]],
    ["rfc6145", ["::ffff:0:10.0.0.1"]],
    ["discard", ["100::1"]],
    ["deprecatedSiteLocal", ["fec0::1"]],
  ])("refuses what is %s: %s", (range, addresses) => {
    for (const address of addresses) {
      expect(guard.findProblem(address)).toBe(`${address} is not a public address (${range})`);
    }
  });

  test.each(["registry.example", "", "1.1.1", "0x7f000001", "[::1]"])(
    "refuses %p, which is no address",
    (address) => {
      expect(guard.findProblem(address)).toBe(`${address} is no IP address`);
    },
  );

  test("sees every IPv4 address of a private block, however it is put into an IPv6 one", () => {
    const octet = fc.nat(255);
    const prefix = fc.constantFrom("", "::ffff:", "64:ff9b::");
    fc.assert(
      fc.property(prefix, octet, octet, octet, (before, b, c, d) => {
        const address = `${before}10.${b}.${c}.${d}`;
        expect(guard.findProblem(address)).toContain("private");
      }),
    );
  });
});

describe("what is allowed", () => {
  const open = new AddressGuard({ allow: ["10.1.0.0/16", "fd00:1::/32", "192.168.7.7/32"] });

  test.each(["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00:1::5", "192.168.7.7"])(
    "may be reached: %s",
    (address) => {
      expect(open.findProblem(address)).toBeUndefined();
    },
  );

  test.each(["10.2.0.1", "fd00:2::5", "192.168.7.8", "127.0.0.1"])(
    "opens nothing beside it: %s",
    (address) => {
      expect(open.findProblem(address)).toContain("is not a public address");
    },
  );

  test("must be CIDR blocks", () => {
    expect(() => new AddressGuard({ allow: ["10.0.0.0"] })).toThrow();
  });
});

describe("findNameProblem", () => {
  test.each(["registry.example", "ghcr.io", "local.example.org", "a.b.c.example."])(
    "leaves %s to the proxy",
    (name) => {
      expect(guard.findNameProblem(name)).toBeUndefined();
    },
  );

  test.each([
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "registry",
    "registry.",
    "registry.lan",
    "127.1",
    "10.0.0.0x1",
    "2130706433",
    "",
  ])("refuses %p", (name) => {
    expect(guard.findNameProblem(name)).toBe(`${name} is not the name of a public host`);
  });
});
