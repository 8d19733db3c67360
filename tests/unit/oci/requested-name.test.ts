import { describe, expect, test } from "@jest/globals";
import { checkRequestedName } from "../../../src/oci/requested-name.ts";

describe("a name that is asked for", () => {
  const longName = "a".repeat(255);

  test.each([
    "node",
    "library/node",
    "ghcr.io/owner/app",
    "GHCR.io/owner/app",
    "reg.lan:5001/team/app",
    "localhost/app",
    "[::1]:5000/app",
    longName,
    `europe-docker.pkg.dev:443/${longName}`,
  ])("may be %s", (text) => {
    expect(() => checkRequestedName(text)).not.toThrow();
  });

  test.each([
    "",
    "/",
    "ghcr.io/",
    "/app",
    "Library/node",
    "library/Node",
    "owner/reg.lan:5001/app",
    "app:5000",
    "../app",
    "ghcr.io/../app",
    "ghcr.io//app",
    "a..b/app",
    "user@ghcr.io/app",
    "a\n.b/app",
    `${longName}a`,
    `ghcr.io/${longName}a`,
  ])("may not be %p", (text) => {
    expect(() => checkRequestedName(text)).toThrow(
      expect.objectContaining({ code: "NAME_INVALID" }),
    );
  });
});
