import { once } from "node:events";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ControlClient } from "../../../src/admin/control-client.ts";
import { parseDigest } from "../../../src/oci/digest.ts";
import { RegistryError } from "../../../src/oci/errors.ts";
import type {
  Operations,
  PinEntry,
  VerifyProgress,
} from "../../../src/registry/operations/operations.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { eventually, within } from "../../support/wait.ts";
import { ControlPair, ignoreEvents, listen } from "./control-pair.ts";

const version = "1.0.0";
const pinned: PinEntry = { name: "docker.io/library/node:24", createdAt: 1, present: true };
const verified = { blobs: 1, bytes: 1, manifests: 0, damaged: [] };

function progressAt(blobs: number): VerifyProgress {
  return { done: { blobs, bytes: 0 }, total: { blobs: 3, bytes: 0 } };
}

/** `verify` that runs until it is aborted; both promises tell what becomes of it. */
function verifyUntilAborted() {
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<unknown>();
  const verify: Operations["verify"] = async (_, { signal }) => {
    const ended = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => {
      aborted.resolve(signal.reason);
      ended.reject(signal.reason);
    });
    started.resolve();
    return ended.promise;
  };
  return { verify, started: started.promise, aborted: aborted.promise };
}

describe("an operation over the control socket", () => {
  test("gets its arguments, and gives its events in order and its result", async () => {
    const asked: unknown[] = [];
    await using pair = await ControlPair.start({
      operations: {
        verify: async (args, { onEvent }) => {
          asked.push(args);
          for (const blobs of [1, 2, 3]) onEvent(progressAt(blobs));
          return verified;
        },
      },
    });
    const events: VerifyProgress[] = [];
    const result = await pair.client.verify(
      { name: "nöde", repair: true },
      { signal: new AbortController().signal, onEvent: (event) => void events.push(event) },
    );
    expect(result).toEqual(verified);
    expect(events).toEqual([1, 2, 3].map(progressAt));
    expect(asked).toEqual([{ name: "nöde", repair: true }]);
  });

  test("may run beside others, and one after the other", async () => {
    await using pair = await ControlPair.start({
      operations: { unpin: async ({ name }) => ({ removed: name === "a" }) },
    });
    const names = ["a", "b", "a", "b"];
    const results = await Promise.all(
      names.map((name) => pair.client.unpin({ name }, ignoreEvents())),
    );
    expect(results.map(({ removed }) => removed)).toEqual([true, false, true, false]);
  });

  test("that refuses its caller gives the same error here, and logs nothing", async () => {
    const error = new RegistryError("NAME_UNKNOWN", "there is no such name");
    await using pair = await ControlPair.start({
      operations: { show: () => Promise.reject(error) },
    });
    await expect(pair.client.show({ name: "x" }, ignoreEvents())).rejects.toMatchObject({
      name: "RegistryError",
      code: "NAME_UNKNOWN",
      message: "there is no such name",
    });
    expect(pair.log).toEqual([]);
  });

  test("that fails is told and logged", async () => {
    await using pair = await ControlPair.start({
      operations: { show: () => Promise.reject(new Error("the disk is full")) },
    });
    await expect(pair.client.show({ name: "x" }, ignoreEvents())).rejects.toMatchObject({
      code: "UNKNOWN",
      message: "the disk is full",
    });
    expect(pair.log.join("")).toContain("the disk is full");
  });

  test("is written down once when it changes the cache, and not when it only looks", async () => {
    await using pair = await ControlPair.start({
      operations: { pin: async () => pinned, listPins: async () => [pinned] },
    });
    await pair.client.pin({ name: "node:24", note: "base" }, ignoreEvents());
    await pair.client.listPins({}, ignoreEvents());
    expect(pair.log.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({
        msg: "a command was carried out",
        operation: "pin",
        args: '{"name":"node:24","note":"base"}',
      }),
    ]);
  });

  test("is aborted when its caller aborts", async () => {
    const { verify, started, aborted } = verifyUntilAborted();
    await using pair = await ControlPair.start({ operations: { verify } });
    const caller = new AbortController();
    const reason = new Error("Ctrl-C");
    const call = pair.client.verify({ repair: false }, ignoreEvents(caller.signal));
    const rejected = expect(call).rejects.toBe(reason);
    await started;
    caller.abort(reason);
    await rejected;
    await within("the operation is told", 5000, aborted);
    expect(pair.log).toEqual([]);
  });

  test("is not begun for a caller that has aborted already", async () => {
    await using pair = await ControlPair.start();
    const signal = AbortSignal.abort(new Error("Ctrl-C"));
    await expect(pair.client.listPins({}, ignoreEvents(signal))).rejects.toThrow("Ctrl-C");
  });

  test("has its events pile up no higher than a bound where the caller does not read", async () => {
    const waits = Promise.withResolvers<void>();
    const sent = { count: 0 };
    await using pair = await ControlPair.start({
      operations: {
        verify: async (_, { onEvent, caughtUp, signal }) => {
          setImmediate(() => waits.resolve());
          while (!signal.aborted && sent.count < 1_000_000) {
            onEvent(progressAt(sent.count));
            sent.count += 1;
            await caughtUp?.();
          }
          return verified;
        },
      },
    });
    const socket = connect(pair.path).pause();
    const body = '{"repair":false}';
    socket.write(
      `POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await waits.promise;
    let before = -1;
    await eventually("no more events come", () => {
      const isSame = sent.count === before && before > 0;
      before = sent.count;
      return isSame;
    });
    expect(sent.count).toBeLessThan(100_000);
    socket.destroy();
  });

  test("that floods a caller who does not read is aborted", async () => {
    const outcome = Promise.withResolvers<unknown>();
    await using pair = await ControlPair.start({
      operations: {
        verify: async (_, { onEvent, signal }) => {
          const reason = "x".repeat(1024 * 1024);
          for (let count = 0; count < 100 && !signal.aborted; count += 1) {
            onEvent({ ...progressAt(count), damaged: damagedBy(reason) });
            await new Promise((resolve) => setImmediate(resolve));
          }
          outcome.resolve(signal.aborted);
          return verified;
        },
      },
    });
    const socket = connect(pair.path).pause();
    socket.on("error", () => undefined);
    const body = '{"repair":false}';
    socket.write(
      `POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(await within("the operation ends", 10_000, outcome.promise)).toBe(true);
    socket.destroy();
  });

  test("brings a long list in full", async () => {
    const count = 50_000;
    await using pair = await ControlPair.start({
      operations: {
        verify: async (_, { onEvent, caughtUp }) => {
          for (let sent = 0; sent < count; sent += 1) {
            onEvent(progressAt(sent));
            if (sent % 1000 === 0) await caughtUp?.();
          }
          return verified;
        },
      },
    });
    let received = 0;
    await pair.client.verify(
      { repair: false },
      {
        signal: new AbortController().signal,
        onEvent: ({ done }) => {
          if (done.blobs === received) received += 1;
        },
      },
    );
    expect(received).toBe(count);
  });
});

function damagedBy(problem: string): NonNullable<VerifyProgress["damaged"]> {
  const [digest] = [`sha256:${"0".repeat(64)}`].map(parseDigest);
  if (!digest) throw new Error("no digest");
  return { digest, size: 1, problem, repositories: [] };
}

describe("the end of a control server", () => {
  test("lets what runs finish within the grace, and takes nothing new", async () => {
    const release = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    await using pair = await ControlPair.start({
      operations: {
        listPins: async () => {
          started.resolve();
          await release.promise;
          return [pinned];
        },
      },
    });
    const call = pair.client.listPins({}, ignoreEvents());
    await started.promise;
    const drained = pair.server.drain(60_000);
    await eventually("nobody listens", async () => {
      return (await ControlClient.connect({ path: pair.path, version })) === undefined;
    });
    release.resolve();
    expect(await call).toEqual([pinned]);
    await within("the server ends with its last command", 5000, drained);
    expect(await readdir(join(pair.path, ".."))).toEqual([]);
  });

  test("ends what runs on when the grace is over, and says why", async () => {
    const { verify, started } = verifyUntilAborted();
    await using pair = await ControlPair.start({ operations: { verify } });
    const call = pair.client.verify({ repair: false }, ignoreEvents());
    const rejected = expect(call).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: "the server is stopping",
    });
    await started;
    await pair.server.drain(1);
    await rejected;
  });

  test("does not wait for the grace once it is disposed of", async () => {
    const { verify, started } = verifyUntilAborted();
    await using pair = await ControlPair.start({ operations: { verify } });
    const call = pair.client.verify({ repair: false }, ignoreEvents());
    const rejected = expect(call).rejects.toThrow("the server is stopping");
    await started;
    const drained = pair.server.drain(3_600_000);
    await within("it ends", 5000, pair.server[Symbol.asyncDispose]());
    await drained;
    await rejected;
  });
});

describe("the control socket", () => {
  test("is for its user only, and nothing is left beside it", async () => {
    await using pair = await ControlPair.start();
    const { mode } = await stat(pair.path);
    expect(mode & 0o777).toBe(0o600);
    expect(await readdir(join(pair.path, ".."))).toEqual(["control.sock"]);
  });

  test("replaces what a dead server left", async () => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "control.sock");
    await writeFile(path, "");
    await mkdir(`${path}.new`);
    await writeFile(join(`${path}.new`, "socket"), "");
    await using server = await listen(path, { listPins: async () => [pinned] });
    const client = await ControlClient.connect({ path, version });
    expect(await client?.listPins({}, ignoreEvents())).toEqual([pinned]);
    await server.drain(0);
    expect(await readdir(dir.path)).toEqual([]);
  });

  test("may lie in a directory too deep for an address", async () => {
    await using dir = await makeTempDir();
    const deep = join(dir.path, "a".repeat(80), "b".repeat(80));
    await mkdir(deep, { recursive: true });
    const path = join(deep, "control.sock");
    await using server = await listen(path, { listPins: async () => [pinned] });
    const client = await ControlClient.connect({ path, version });
    expect(await client?.listPins({}, ignoreEvents())).toEqual([pinned]);
    expect(await readdir(deep)).toEqual(["control.sock"]);
    await server.drain(0);
    expect(await readdir(deep)).toEqual([]);
  });

  test.each(["nowhere/control.sock", "left.sock", "file/control.sock"])(
    "at %s is nobody's",
    async (name) => {
      await using dir = await makeTempDir();
      await writeFile(join(dir.path, "left.sock"), "");
      await writeFile(join(dir.path, "file"), "");
      const path = join(dir.path, name);
      expect(await ControlClient.connect({ path, version })).toBeUndefined();
    },
  );

  test("of a server that hangs is refused with words", async () => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "control.sock");
    const silent = createServer().listen(path);
    await once(silent, "listening");
    const connecting = ControlClient.connect({ path, version, greetingTimeoutMs: 50 });
    await expect(connecting).rejects.toThrow(`the server behind ${path} does not answer: it hangs`);
    silent.close();
  });

  test("cannot be made where its directory is not, which is said", async () => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "nowhere", "control.sock");
    await expect(listen(path)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
