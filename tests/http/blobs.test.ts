import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { TestRegistry } from "./test-registry.ts";

const bytes = Buffer.from("0123456789abcdefghij");

function registryWithBlob(content: Uint8Array = bytes) {
  const registry = new TestRegistry();
  const digest = registry.repository.addBlob(content);
  return {
    app: registry.app,
    repository: registry.repository,
    digest,
    url: `/v2/a/blobs/${digest}`,
  };
}

describe("GET /v2/<name>/blobs/<digest>", () => {
  test("sends the blob", async () => {
    const { app, repository, digest, url } = registryWithBlob();
    const response = await request(app).get(url);
    expect(response.status).toBe(200);
    expect(response.body).toEqual(bytes);
    expect(response.headers).toMatchObject({
      "accept-ranges": "bytes",
      "cache-control": "max-age=31536000",
      "content-length": "20",
      "content-type": "application/octet-stream",
      "docker-content-digest": digest,
      etag: `"${digest}"`,
      "x-cache": "HIT",
    });
    expect(repository.openReaders).toBe(0);
  });

  test("answers HEAD with the headers of GET, and opens nothing", async () => {
    const { app, repository, url } = registryWithBlob();
    const get = await request(app).get(url).set("X-Request-Id", "same");
    const head = await request(app).head(url).set("X-Request-Id", "same").set("Range", "bytes=1-");
    expect(head.status).toBe(200);
    const { date: _, ...expected } = get.headers as Record<string, string>;
    expect(head.headers).toMatchObject(expected);
    expect(repository.calls).toEqual(["openBlob", "statBlob"]);
  });

  test.each(["GET", "HEAD"])("serves the empty blob to %s", async (method) => {
    const { app, url } = registryWithBlob(Buffer.alloc(0));
    const response = await (method === "GET" ? request(app).get(url) : request(app).head(url));
    expect(response.status).toBe(200);
    expect(response.headers["content-length"]).toBe("0");
  });

  test("answers 304 to a client that has it, and opens nothing", async () => {
    const { app, repository, digest, url } = registryWithBlob();
    const response = await request(app).get(url).set("If-None-Match", `"${digest}"`);
    expect(response.status).toBe(304);
    expect(response.headers["docker-content-digest"]).toBe(digest);
    expect(repository.calls).toEqual(["statBlob"]);
  });

  test("does not answer 304 for a blob that is unknown", async () => {
    const { app } = registryWithBlob();
    const url = `/v2/a/blobs/sha256:${"b".repeat(64)}`;
    const response = await request(app).get(url).set("If-None-Match", "*");
    expect(response.status).toBe(404);
    expect(response.body).toMatchObject({ errors: [{ code: "BLOB_UNKNOWN" }] });
  });
});

describe("a Range of a blob", () => {
  test.each([
    ["bytes=0-", "0-19", "0123456789abcdefghij"],
    ["bytes=2-4", "2-4", "234"],
    ["bytes=15-", "15-19", "fghij"],
    ["bytes=-3", "17-19", "hij"],
    ["bytes=-300", "0-19", "0123456789abcdefghij"],
    ["bytes=18-20", "18-19", "ij"],
    ["bytes=18-999", "18-19", "ij"],
    ["bytes=99-100,0-0", "0-0", "0"],
  ])("%s sends bytes %s", async (range, sent, text) => {
    const { app, repository, url } = registryWithBlob();
    const response = await request(app).get(url).set("Range", range);
    expect(response.status).toBe(206);
    expect(String(response.body)).toBe(text);
    expect(response.headers).toMatchObject({
      "content-length": String(text.length),
      "content-range": `bytes ${sent}/20`,
      "content-type": "application/octet-stream",
    });
    expect(repository.openReaders).toBe(0);
  });

  test.each(["bytes=20-", "bytes=500-0", "bytes=5-1", "bytes=x", "bytes=-0"])(
    "%s cannot be satisfied",
    async (range) => {
      const { app, repository, url } = registryWithBlob();
      const response = await request(app).get(url).set("Range", range);
      expect(response.status).toBe(416);
      expect(response.headers["content-range"]).toBe("bytes */20");
      expect(response.headers["content-type"]).toBe("application/json");
      expect(response.body).toMatchObject({ errors: [{ code: "RANGE_INVALID" }] });
      expect(repository.openReaders).toBe(0);
    },
  );

  test("on the empty blob cannot be satisfied", async () => {
    const { app, url } = registryWithBlob(Buffer.alloc(0));
    const response = await request(app).get(url).set("Range", "bytes=0-");
    expect(response.status).toBe(416);
    expect(response.headers["content-range"]).toBe("bytes */0");
  });

  test("in another unit is ignored", async () => {
    const { app, url } = registryWithBlob();
    const response = await request(app).get(url).set("Range", "pages=1-2");
    expect(response.status).toBe(200);
  });

  test("with several parts comes as multipart/byteranges of the announced length", async () => {
    const { app, url } = registryWithBlob();
    const response = await request(app)
      .get(url)
      .set("Range", "bytes=0-1, 5-6, -1")
      .buffer(true)
      .parse((stream, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => done(null, Buffer.concat(chunks)));
      });
    expect(response.status).toBe(206);
    expect(response.headers).not.toHaveProperty("content-range");
    const type = response.headers["content-type"] ?? "";
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(type)?.[1];
    const part = (range: string, text: string) =>
      `--${boundary}\r\nContent-Type: application/octet-stream\r\n` +
      `Content-Range: bytes ${range}/20\r\n\r\n${text}\r\n`;
    const expected = `${part("0-1", "01")}${part("5-6", "56")}${part("19-19", "j")}--${boundary}--\r\n`;
    expect(String(response.body)).toBe(expected);
    expect(response.headers["content-length"]).toBe(String(expected.length));
  });

  test.each([
    ['"DIGEST"', 206],
    ['W/"DIGEST"', 200],
    ['"other"', 200],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 200],
  ])("under If-Range: %s is answered %i", async (condition, status) => {
    const { app, digest, url } = registryWithBlob();
    const response = await request(app)
      .get(url)
      .set("Range", "bytes=0-1")
      .set("If-Range", condition.replace("DIGEST", digest));
    expect(response.status).toBe(status);
    expect(response.headers["content-length"]).toBe(status === 206 ? "2" : "20");
  });
});
