import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { BatchedOutput } from "../../src/batched-output.ts";

function makeOutput() {
  const writes: string[] = [];
  const output = new BatchedOutput({ write: (text) => void writes.push(text) });
  return { output, writes };
}

describe("lines that can wait", () => {
  test("are written together, when the turn of the event loop ends", async () => {
    const { output, writes } = makeOutput();
    output.patient.write("a\n");
    output.patient.write("b\n");
    expect(writes).toEqual([]);
    await setImmediate();
    expect(writes).toEqual(["a\nb\n"]);
    output.patient.write("c\n");
    await setImmediate();
    expect(writes).toEqual(["a\nb\n", "c\n"]);
  });

  test("come before an urgent one that is written later, which is out at once", () => {
    const { output, writes } = makeOutput();
    output.patient.write("first\n");
    output.urgent.write("second\n");
    expect(writes.join("")).toBe("first\nsecond\n");
  });

  test("are out when somebody says so, and not twice", async () => {
    const { output, writes } = makeOutput();
    output.patient.write("a\n");
    output.flush();
    output.flush();
    await setImmediate();
    expect(writes).toEqual(["a\n"]);
  });

  test("do not pile up in a long turn", () => {
    const { output, writes } = makeOutput();
    const line = `${"x".repeat(999)}\n`;
    for (let count = 0; count < 1000; count += 1) output.patient.write(line);
    const longest = Math.max(...writes.map(({ length }) => length));
    expect(longest).toBeLessThanOrEqual(66_000);
    expect(writes.length).toBeLessThan(20);
  });
});
