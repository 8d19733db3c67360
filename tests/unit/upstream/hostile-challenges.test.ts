import { describe, expect, test } from "@jest/globals";
import { findNextQuery } from "../../../src/upstream/link-header.ts";
import { RealmTrust } from "../../../src/upstream/realm-trust.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeImage } from "../../support/images.ts";
import { app, captureLog, latest, openUpstream } from "./open-upstream.ts";

const image = makeImage();

describe("a registry that sends for tokens where there are none", () => {
  test.each(["ftp://token.test/", "http://[", "nonsense"])(
    "is asked as before once it no longer does (%s)",
    async (realm) => {
      await using registry = await FakeRegistry.start();
      registry.addImage(app, "latest", image);
      const headers = { "www-authenticate": `Bearer realm="${realm}"` };
      const fault = registry.inject({}, { status: 401, headers });
      await using opened = openUpstream(registry.url);
      const failure = { failure: "invalid" };
      await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject(failure);
      fault.remove();
      const head = await opened.upstream.headManifest(app, latest);
      expect(head?.digest).toBe(image.manifest.digest);
    },
  );
});

describe("realms without end that may not have the credentials", () => {
  test("do not fill the log", () => {
    const { log, lines } = captureLog();
    const trust = new RealmTrust({ tokenRealms: [], log });
    const credentials = { kind: "password", username: "ann", password: "secret" } as const;
    const registry = new URL("https://registry.test");
    for (let count = 0; count < 1000; count += 1) {
      const realm = new URL(`https://r${count}.evil.test`);
      expect(trust.admit(credentials, realm, registry)).toBeUndefined();
    }
    expect(lines.length).toBeLessThan(100);
    expect(lines.join("")).not.toContain("secret");
  });
});

describe("a Link header of brackets", () => {
  test("names no next page, and one behind them does", () => {
    const base = new URL("https://registry.test/v2/a/tags/list");
    const brackets = "<".repeat(16_000);
    expect(findNextQuery(brackets, base)).toBeUndefined();
    expect(findNextQuery(`${brackets}/x?n=1>; rel=next`, base)).toBe("n=1");
  });
});
