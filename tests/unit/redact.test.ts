import { describe, expect, test } from "@jest/globals";
import { redactFields, redactUrls } from "../../src/redact.ts";

describe("redactUrls", () => {
  test.each([
    [
      "GET https://cdn.example.com/a/b?sig=s3cret&x=1 failed",
      "GET https://cdn.example.com/a/b?[redacted] failed",
    ],
    ["https://me:s3cret@hub.example.com/v2/", "https://hub.example.com/v2/"],
    ["https://me@hub:443", "https://hub:443"],
    ['{"url":"http://h/?s3cret=1","n":1}', '{"url":"http://h/?[redacted]","n":1}'],
    [
      "two: http://a/?s3cret HTTPS://b?s3cret\nend",
      "two: http://a/?[redacted] HTTPS://b?[redacted]\nend",
    ],
    ["https://h/p@th/x", "https://h/p@th/x"],
    ["is it there? see http://h/", "is it there? see http://h/"],
    ["/v2/library/node/tags/list?n=5", "/v2/library/node/tags/list?n=5"],
  ])("makes of %j something that can be shown", (text, redacted) => {
    expect(redactUrls(text)).toBe(redacted);
  });
});

describe("redactFields", () => {
  test("takes out secrets by their key, however deep and however written", () => {
    const fields = {
      Authorization: "s3cret",
      request: { headers: { "set-cookie": ["s3cret"], accept: "*/*" } },
      answers: [{ access_token: "s3cret", expires: 60 }],
      password: 5,
    };
    expect(redactFields(fields)).toEqual({
      Authorization: "[redacted]",
      request: { headers: { "set-cookie": "[redacted]", accept: "*/*" } },
      answers: [{ access_token: "[redacted]", expires: 60 }],
      password: "[redacted]",
    });
  });

  test("leaves the original and what is no plain object alone", () => {
    const error = new Error("kept");
    const fields = { token: "s3cret", err: error, tokens: 3, at: new Date(0) };
    const redacted = redactFields(fields);
    expect(fields.token).toBe("s3cret");
    expect(redacted["err"]).toBe(error);
    expect(redacted).toMatchObject({ tokens: 3, at: new Date(0) });
  });

  test("comes to an end with an object that holds itself", () => {
    const loop: Record<string, unknown> = { name: "loop" };
    loop["self"] = loop;
    loop["list"] = [loop];
    expect(JSON.stringify(redactFields(loop))).toContain("{…}");
  });
});
