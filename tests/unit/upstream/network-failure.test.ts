import { describe, expect, test } from "@jest/globals";
import { networkFailure } from "../../../src/upstream/network-failure.ts";
import { UpstreamError } from "../../../src/upstream/upstream.ts";

const where = "https://registry.example";

describe("networkFailure", () => {
  test.each([
    ["UND_ERR_CONNECT_TIMEOUT", "timeout"],
    ["UND_ERR_HEADERS_TIMEOUT", "timeout"],
    ["UND_ERR_BODY_TIMEOUT", "timeout"],
    ["ETIMEDOUT", "timeout"],
    ["ECONNREFUSED", "unreachable"],
    ["ECONNRESET", "unreachable"],
    ["ENOTFOUND", "unreachable"],
    ["UND_ERR_SOCKET", "unreachable"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "unreachable"],
    ["CERT_HAS_EXPIRED", "unreachable"],
    ["HPE_INVALID_CONSTANT", "invalid"],
    ["UND_ERR_HEADERS_OVERFLOW", "invalid"],
    [undefined, "unreachable"],
  ])("takes %s for %s, and says where", (code, failure) => {
    const cause = Object.assign(new Error("it broke"), { code });
    const error = networkFailure(cause, where);
    expect(error).toMatchObject({ failure, message: `${where}: it broke`, cause });
  });

  test("names the code where there is no message, as with several addresses tried", () => {
    const cause = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });
    expect(networkFailure(cause, where).message).toBe(`${where}: ECONNREFUSED`);
  });

  test("leaves what is an UpstreamError already", () => {
    const error = new UpstreamError("denied", "no");
    expect(networkFailure(error, where)).toBe(error);
  });
});
