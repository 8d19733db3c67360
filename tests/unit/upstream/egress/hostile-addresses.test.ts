import { describe, expect, test } from "@jest/globals";
import { RegistryError } from "../../../../src/oci/errors.ts";
import { isOutage, toRegistryError } from "../../../../src/registry/upstream-trouble.ts";
import { AddressGuard } from "../../../../src/upstream/egress/address-guard.ts";
import { Incidents } from "../../../../src/upstream/incidents.ts";
import { UpstreamError } from "../../../../src/upstream/upstream.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";

const problem = "https://a.test: address guard: 10.1.2.3 is not a public address (private)";
const refusal = new UpstreamError("forbidden", problem);

describe("an address that leads back into a cloud's own network", () => {
  test.each([
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "100.100.100.200",
    "192.0.0.192",
    "2002:a9fe:a9fe::",
    "64:ff9b:1::a9fe:a9fe",
  ])("is not public: %s", (address) => {
    expect(new AddressGuard({ allow: [] }).findProblem(address)).toBeDefined();
  });
});

describe("what the address guard refuses", () => {
  test("is told to the client in words, without the address", () => {
    const error = toRegistryError(refusal, "a.test");
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({
      code: "NAME_UNKNOWN",
      message: expect.stringMatching(/^a\.test leads to an address that is not public.*upstreams$/),
    });
    expect(error).toMatchObject({ message: expect.not.stringContaining("10.1.2.3") });
  });

  test("is told to the operator with the address, once", () => {
    const { log, lines } = captureLog();
    const incidents = new Incidents(log, new ManualClock());
    for (let count = 0; count < 10; count += 1) incidents.noteFailure(refusal);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("10.1.2.3 is not a public address");
  });

  test("does not take away what is here already", () => {
    expect(isOutage(refusal)).toBe(true);
  });
});
