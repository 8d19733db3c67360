import { describe, expect, test } from "@jest/globals";
import { serializeError } from "../../src/serialize-error.ts";
import { UpstreamError } from "../../src/upstream/upstream.ts";

describe("serializeError", () => {
  test("keeps a bug's stack, and those of its causes", () => {
    const error = new TypeError("x is undefined", { cause: new Error("before") });
    expect(serializeError(error)).toMatchObject({
      stack: expect.stringContaining("serialize-error.test.ts"),
      cause: { stack: expect.stringContaining("before") },
    });
  });

  test("keeps type, message and the whole chain of causes of an outcome, and no stack", () => {
    const root = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    const error = new UpstreamError("unreachable", "no connection", { cause: root });
    expect(serializeError(error)).toEqual({
      type: "UpstreamError",
      message: "no connection",
      failure: "unreachable",
      cause: { type: "Error", message: "refused", code: "ECONNREFUSED" },
    });
  });

  test("keeps the parts of an AggregateError, whose own message is often empty", () => {
    const error = new AggregateError([new Error("IPv6"), new Error("IPv4")], "");
    expect(serializeError(error)).toMatchObject({
      errors: [{ message: "IPv6" }, { message: "IPv4" }],
    });
  });

  test("does not keep what libraries hang onto errors", () => {
    const error = Object.assign(new Error("x"), { headers: { authorization: "s3cret" } });
    expect(JSON.stringify(serializeError(error))).not.toContain("s3cret");
  });

  test("comes to an end with an error that caused itself", () => {
    const error = new Error("loop");
    error.cause = error;
    const text = JSON.stringify(serializeError(error));
    expect(text.match(/"message"/g)?.length).toBe(9);
  });

  test("tells only the kind of anything else that was thrown, except for text", () => {
    expect(serializeError("boom")).toBe("boom");
    expect(serializeError({ password: "s3cret" })).toBe("object");
    expect(serializeError(undefined)).toBe("undefined");
  });
});
