import { describe, expect, test } from "@jest/globals";
import { dialFailure } from "../../../../src/upstream/egress/dial-failure.ts";
import { UpstreamError } from "../../../../src/upstream/upstream.ts";

function failed(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("dialFailure", () => {
  test.each([
    ["ENOTFOUND", "getaddrinfo ENOTFOUND a.test", "no such host (getaddrinfo ENOTFOUND a.test)"],
    ["EAI_AGAIN", "getaddrinfo EAI_AGAIN a.test", "the name server does not answer (getaddrinfo"],
    ["ECONNREFUSED", "connect ECONNREFUSED 1.2.3.4:443", "connection refused (connect ECONN"],
    ["CERT_HAS_EXPIRED", "certificate has expired", "certificate has expired"],
  ])("says in words what %s means", (code, message, words) => {
    const error = dialFailure("DNS", failed(code, message));
    expect(error.failure).toBe("unreachable");
    expect(error.message.startsWith(`DNS: ${words}`)).toBe(true);
  });

  test("takes one address of several that did not answer for a timeout", () => {
    const refused = failed("ECONNREFUSED", "connect ECONNREFUSED 10.0.0.1:443");
    const silent = failed("ETIMEDOUT", "connect ETIMEDOUT 10.0.0.2:443");
    const error = dialFailure("TCP", new AggregateError([refused, silent]));
    expect(error).toMatchObject({
      failure: "timeout",
      message:
        "TCP: connection refused, no answer " +
        "(connect ECONNREFUSED 10.0.0.1:443, connect ETIMEDOUT 10.0.0.2:443)",
    });
  });

  test("tells OpenSSL's reason and not its source files", () => {
    const cause = Object.assign(failed("ERR_SSL_WRONG_VERSION_NUMBER", "0:error:x.c:7:\n"), {
      reason: "wrong version number",
    });
    const { message } = dialFailure("TLS", cause);
    expect(message).toBe("TLS: it does not speak TLS (wrong version number)");
  });

  test("leaves what is an UpstreamError already", () => {
    const error = new UpstreamError("denied", "no");
    expect(dialFailure("TCP", error)).toBe(error);
  });
});
