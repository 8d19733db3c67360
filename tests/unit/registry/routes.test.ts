import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { RegistryError } from "../../../src/oci/errors.ts";
import { HostPatterns } from "../../../src/oci/host-patterns.ts";
import { Routes } from "../../../src/registry/routes.ts";

interface Upstream {
  prefix?: string;
  hosts?: string[];
}

interface Asked {
  namespace?: string;
  host?: string;
}

function routesTo(upstreams: Record<string, Upstream>, defaultUpstream = "docker.io"): Routes {
  return new Routes({
    upstreams: Object.entries(upstreams).map(([host, { prefix, hosts = [] }]) => ({
      host,
      prefix,
      hosts,
    })),
    defaultUpstream,
    ownHosts: ["mirror.lan:5000", "cache.example"],
  });
}

const usual: Record<string, Upstream> = {
  "docker.io": { prefix: "hub" },
  "ghcr.io": { hosts: ["ghcr.mirror.lan"] },
  "reg.lan:5001": { prefix: "team", hosts: ["reg.mirror.lan:8443"] },
};
const routes = routesTo(usual);

/** `registry name`, or the code of the refusal. */
function place(of: Routes, name: string, { namespace, host }: Asked = {}): string {
  try {
    const { registry, name: found } = of.resolve({ name, namespace, host });
    return `${registry} ${found}`;
  } catch (error) {
    if (error instanceof RegistryError) return error.code;
    throw error;
  }
}

describe("a bare name", () => {
  test.each([
    ["node", "docker.io library/node"],
    ["owner/app", "docker.io owner/app"],
    ["a/b/c", "docker.io a/b/c"],
    ["node.js", "docker.io library/node.js"],
    ["ghcr.io", "docker.io library/ghcr.io"],
    ["hub", "docker.io library/hub"],
    ["a/ghcr.io/b", "docker.io a/ghcr.io/b"],
  ])("%s belongs to the default: %s", (name, expected) => {
    expect(place(routes, name)).toBe(expected);
    expect(place(routes, name, { host: "mirror.lan:5000" })).toBe(expected);
  });

  test("gets library/ at Docker Hub only", () => {
    const other = routesTo({ "docker.io": {}, "quay.io": {} }, "quay.io");
    expect(place(other, "node")).toBe("quay.io node");
    expect(place(other, "docker.io/node")).toBe("docker.io library/node");
  });
});

describe("ns", () => {
  test.each([
    ["docker.io", "docker.io library/app"],
    ["registry-1.docker.io", "docker.io library/app"],
    ["index.docker.io", "docker.io library/app"],
    ["registry.hub.docker.com", "docker.io library/app"],
    ["Docker.IO", "docker.io library/app"],
    ["ghcr.io", "ghcr.io app"],
    ["reg.lan:5001", "reg.lan:5001 app"],
    ["ghcr.mirror.lan", "ghcr.io app"],
  ])("%s means %s", (namespace, expected) => {
    expect(place(routes, "app", { namespace })).toBe(expected);
  });

  test("counts more than the host and the name", () => {
    const asked = { namespace: "reg.lan:5001", host: "ghcr.mirror.lan" };
    expect(place(routes, "hub/app", asked)).toBe("reg.lan:5001 hub/app");
    expect(place(routes, "ghcr.io/app", asked)).toBe("reg.lan:5001 ghcr.io/app");
  });

  test.each([
    ["docker.io", "hub/library/app", "docker.io library/app"],
    ["docker.io", "hub/app", "docker.io library/app"],
    ["registry-1.docker.io", "docker.io/library/app", "docker.io library/app"],
    ["docker.io", "index.docker.io/library/app", "docker.io library/app"],
    ["ghcr.io", "GHCR.io/owner/app", "ghcr.io owner/app"],
    ["reg.lan:5001", "reg.lan:5001/app", "reg.lan:5001 app"],
    ["reg.lan:5001", "team/team/app", "reg.lan:5001 team/app"],
  ])("%s is not meant twice in %s", (namespace, name, expected) => {
    expect(place(routes, name, { namespace })).toBe(expected);
  });

  test.each(["mirror.lan:5000", "cache.example", "Cache.example:8443"])(
    "says nothing when it is the mirror's own name %s",
    (namespace) => {
      expect(place(routes, "ghcr.io/app", { namespace })).toBe("ghcr.io app");
      expect(place(routes, "app", { namespace, host: "ghcr.mirror.lan" })).toBe("ghcr.io app");
    },
  );

  test("says nothing when it is the host that the client came to", () => {
    const asked = { namespace: "10.0.0.7:5000", host: "10.0.0.7:5000" };
    expect(place(routes, "ghcr.io/app", asked)).toBe("ghcr.io app");
    expect(place(routes, "app", { ...asked, host: "10.0.0.8:5000" })).toBe("NAME_UNKNOWN");
  });

  test.each(["quay.io", "reg.lan", "mirror.lan:5001", "localhost", "docker.io.example"])(
    "%s is refused, which is not mirrored",
    (namespace) => {
      expect(place(routes, "app", { namespace })).toBe("NAME_UNKNOWN");
    },
  );
});

describe("the host that a client comes to", () => {
  test.each([
    ["ghcr.mirror.lan", "owner/app", "ghcr.io owner/app"],
    ["GHCR.mirror.lan:443", "app", "ghcr.io app"],
    ["reg.mirror.lan:8443", "app", "reg.lan:5001 app"],
    ["reg.mirror.lan", "app", "docker.io library/app"],
    ["ghcr.mirror.lan", "ghcr.io/app", "ghcr.io app"],
    ["ghcr.mirror.lan", "hub/app", "ghcr.io hub/app"],
    ["ghcr.io", "app", "docker.io library/app"],
    ["not a host", "app", "docker.io library/app"],
  ])("%s with %s means %s", (host, name, expected) => {
    expect(place(routes, name, { host })).toBe(expected);
  });
});

describe("the first component of a name", () => {
  test.each([
    ["hub/library/node", "docker.io library/node"],
    ["hub/node", "docker.io library/node"],
    ["docker.io/node", "docker.io library/node"],
    ["registry-1.docker.io/owner/app", "docker.io owner/app"],
    ["ghcr.io/owner/app", "ghcr.io owner/app"],
    ["GHCR.io/app", "ghcr.io app"],
    ["reg.lan:5001/app", "reg.lan:5001 app"],
    ["team/app", "reg.lan:5001 app"],
    ["hub/ghcr.io/app", "docker.io ghcr.io/app"],
  ])("of %s means %s", (name, expected) => {
    expect(place(routes, name)).toBe(expected);
  });

  test.each(["quay.io/a/b", "localhost/a", "localhost:5000/a", "reg.lan/a", "[::1]:5000/a"])(
    "of %s is a registry that is not mirrored, where Docker Hub is the default",
    (name) => {
      expect(place(routes, name)).toBe("NAME_UNKNOWN");
    },
  );

  test("is a namespace of any other default, unless it holds a colon", () => {
    const other = routesTo({ "reg.lan": {}, "ghcr.io": {} }, "reg.lan");
    expect(place(other, "my.team/app")).toBe("reg.lan my.team/app");
    expect(place(other, "localhost/app")).toBe("reg.lan localhost/app");
    expect(place(other, "ghcr.io/app")).toBe("ghcr.io app");
    expect(place(other, "quay.io:443/app")).toBe("NAME_UNKNOWN");
    expect(place(other, "My.team/app")).toBe("NAME_INVALID");
  });

  test("does not count towards the length of the name", () => {
    const name = "a".repeat(255);
    expect(place(routes, `reg.lan:5001/${name}`)).toBe(`reg.lan:5001 ${name}`);
    expect(place(routes, `reg.lan:5001/${name}a`)).toBe("NAME_INVALID");
    expect(place(routes, `owner/${name}`)).toBe("NAME_INVALID");
  });
});

describe("a pattern", () => {
  const open = routesTo({ ...usual, "*.pkg.dev": {}, "*": {} });

  test.each([
    ["europe-docker.pkg.dev/a/b", {}, "europe-docker.pkg.dev a/b"],
    ["a/b", { namespace: "europe-docker.pkg.dev" }, "europe-docker.pkg.dev a/b"],
    ["Quay.io/a/b", {}, "quay.io a/b"],
    ["quay.io/a/b", { namespace: "quay.io" }, "quay.io a/b"],
    ["b", { namespace: "registry.example:8443" }, "registry.example:8443 b"],
    ["ghcr.io/a", {}, "ghcr.io a"],
    ["registry-1.docker.io/a", {}, "docker.io library/a"],
    ["library/a", {}, "docker.io library/a"],
  ])("lets %s in, asked with %j: %s", (name, asked, expected) => {
    expect(place(open, name, asked)).toBe(expected);
  });

  test.each(["localhost", "127.0.0.1", "169.254.169.254:80", "[::1]:5000", "registry"])(
    "does not let %s in",
    (namespace) => {
      expect(place(open, "a/b", { namespace })).toBe("NAME_UNKNOWN");
    },
  );

  test.each(["*", "*.pkg.dev"])("is no registry by itself: %s", (pattern) => {
    expect(place(open, "a/b", { namespace: pattern })).toBe("NAME_UNKNOWN");
    expect(place(open, `${pattern}/a/b`)).toBe("NAME_INVALID");
  });

  test("does not make the mirror its own upstream", () => {
    const asked = { namespace: "me.example", host: "me.example" };
    expect(place(open, "a/b", asked)).toBe("docker.io a/b");
    expect(place(open, "a/b", { namespace: "cache.example" })).toBe("docker.io a/b");
    expect(place(open, "Cache.example/b")).toBe("NAME_UNKNOWN");
    expect(place(open, "ghcr.mirror.lan/b")).toBe("NAME_UNKNOWN");
  });
});

describe("the refusal of a registry that is not mirrored", () => {
  test.each([{ namespace: "Quay.io", name: "a" }, { name: "quay.io/a" }])(
    "says how to add it: %j",
    ({ namespace, name }) => {
      expect(() => routes.resolve({ name, namespace, host: undefined })).toThrow(
        'quay.io is not mirrored here; add it under upstreams in the mirror\'s configuration: "upstreams: { quay.io: {} }"',
      );
    },
  );

  test("quotes what YAML would read as a list", () => {
    expect(() => routes.resolve({ name: "a", namespace: "[::1]:5000", host: undefined })).toThrow(
      "upstreams: { '[::1]:5000': {} }",
    );
  });
});

describe("a request without a name", () => {
  test.each([
    [{}, undefined],
    [{ host: "mirror.lan:5000" }, undefined],
    [{ host: "ghcr.mirror.lan:5000" }, "ghcr.io"],
    [{ namespace: "index.docker.io", host: "ghcr.mirror.lan" }, "docker.io"],
    [{ namespace: "cache.example", host: "ghcr.mirror.lan" }, "ghcr.io"],
  ])("asked with %j is about %p", ({ namespace, host }: Asked, expected) => {
    expect(routes.findRegistry({ namespace, host })).toBe(expected);
  });

  test("is refused for a registry that is not mirrored", () => {
    expect(() => routes.findRegistry({ namespace: "quay.io", host: undefined })).toThrow(
      expect.objectContaining({ code: "NAME_UNKNOWN" }),
    );
  });
});

describe("whatever a client sends", () => {
  const hosts = [...Object.keys(usual), "*.pkg.dev"];
  const limited = routesTo({ ...usual, "*.pkg.dev": {} });
  const patterns = new HostPatterns(hosts);
  const word = fc.oneof(
    fc.constantFrom(...hosts, "hub", "team", "a.pkg.dev", "quay.io", "localhost", "*", ".."),
    fc.constantFrom("ghcr.mirror.lan", "mirror.lan:5000", "127.0.0.1", "library", "A"),
    fc.string({ maxLength: 12 }),
  );

  test("leads to a registry that the configuration names or lets in, or is refused", () => {
    const name = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join("/"));
    const maybe = fc.option(word, { nil: undefined });
    fc.assert(
      fc.property(name, maybe, maybe, (text, namespace, host) => {
        const asked = {
          ...(namespace !== undefined && { namespace }),
          ...(host !== undefined && { host }),
        };
        const [registry = "", found] = place(limited, text, asked).split(" ");
        if (found === undefined) return;
        expect(hosts.includes(registry) || patterns.find(registry) === "*.pkg.dev").toBe(true);
        expect(registry).not.toContain("*");
        const isCompleted = found === `library/${text.split("/").at(-1)}`;
        expect(isCompleted || text.endsWith(found)).toBe(true);
      }),
    );
  });
});
