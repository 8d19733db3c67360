import { describe, expect, test } from "@jest/globals";
import { createLogger, resolveLogFormat } from "../../src/log.ts";

/** A logger, and the lines it wrote. */
function recordLog(options: Partial<Parameters<typeof createLogger>[0]> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return {
    logger: createLogger({ level: "info", format: "json", destination, ...options }),
    lines,
  };
}

describe("a JSON log", () => {
  test("has one object a line, with a level in words, ISO time and the mixin's fields", () => {
    const { logger, lines } = recordLog({ mixin: () => ({ requestId: "r1" }) });
    logger.info({ status: 200 }, "done");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      requestId: "r1",
      status: 200,
      msg: "done",
    });
  });

  test("leaves out what is below its level", () => {
    const { logger, lines } = recordLog({ level: "warn" });
    logger.info("no");
    logger.warn("yes");
    expect(lines.join("")).not.toContain('"no"');
    expect(lines).toHaveLength(1);
  });

  test("holds no secret, wherever it may have been put", () => {
    const { logger, lines } = recordLog();
    const cause = new Error("GET https://cdn/x?sig=s3cret: 403");
    logger.error(
      { err: new Error("https://me:s3cret@hub/ failed", { cause }) },
      "https://a/?s3cret",
    );
    logger.error(cause);
    logger.warn({ headers: { Authorization: "Bearer s3cret" }, location: "https://cdn/?s3cret" });
    logger.child({ endpoint: "https://me:s3cret@hub" }).info("child");
    expect(lines).toHaveLength(4);
    expect(lines.join("")).not.toContain("s3cret");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      err: { cause: { message: "GET https://cdn/x?[redacted] 403" } },
    });
  });
});

describe("a log for people", () => {
  test("has time, level, message and fields on one line", () => {
    const { logger, lines } = recordLog({ format: "pretty" });
    logger.warn({ host: "docker.io" }, "upstream is slow");
    expect(lines).toEqual([
      expect.stringMatching(
        /^\[\d\d:\d\d:\d\d\] WARN: upstream is slow \{"host":"docker\.io"\}\n$/,
      ),
    ]);
  });

  test("holds no secret either", () => {
    const { logger, lines } = recordLog({ format: "pretty" });
    logger.warn({ err: new Error("https://cdn/x?s3cret"), token: "s3cret" }, "bad");
    expect(lines.join("")).toContain("https://cdn/x?[redacted]");
    expect(lines.join("")).not.toContain("s3cret");
  });
});

describe("resolveLogFormat", () => {
  test("leaves a chosen format as it is", () => {
    expect(resolveLogFormat("pretty")).toBe("pretty");
    expect(resolveLogFormat("json")).toBe("json");
  });
});
