import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { stringify as stringifyToml } from "smol-toml";
import { stringify as stringifyYaml } from "yaml";
import { ClientFileError, type ClientFile } from "../../../src/clients/client-setup.ts";
import { clientNames, listSetups, setUpClient } from "../../../src/clients/clients.ts";
import type { Mirror } from "../../../src/clients/mirror.ts";
import { mirror } from "./mirrors.ts";

const mirrors: Mirror[] = [
  mirror,
  { url: "https://mirror.example.org", upstreams: ["docker.io", "ghcr.io", "*.pkg.dev"] },
  { url: "http://127.0.0.1:5000", upstreams: ["reg.lan:5001", "docker.io", "*", "*.pkg.dev"] },
];

const files = mirrors.flatMap((each) =>
  clientNames.flatMap((name) =>
    setUpClient(name, each).files.map((file): [string, string, ClientFile] => [
      name,
      `${file.path} for ${each.url}`,
      file,
    ]),
  ),
);

/** Settings that have nothing to do with mirrors; keys that could be taken for code among them. */
const others = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9_.-]{0,9}$/).map((key) => `x-${key}`),
  fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.array(fc.string()),
    fc.dictionary(fc.constantFrom("a", "b c", "#d"), fc.string()),
  ),
);

function write(path: string, settings: object): string {
  if (path.endsWith(".json")) return JSON.stringify(settings);
  return path.endsWith(".yaml") ? stringifyYaml(settings) : stringifyToml(settings);
}

describe.each(files)("%s: %s", (_, path, file) => {
  const { pathname } = new URL(`file://${file.path}`);

  test("lacks nothing as it is written for those who have none", () => {
    expect(file.findUpstreams(file.text)).toEqual(file.upstreams);
    expect(file.merge(file.text)).toEqual({ text: file.text, losesComments: false });
  });

  test("is named for what is in it, below /etc", () => {
    expect(path).toMatch(/^\/etc\/.*\.(json|toml|yaml|conf) for /);
  });

  test("takes the place of an empty one", () => {
    const { text } = file.merge("");
    expect(file.findUpstreams(text)).toEqual(file.upstreams);
    expect(file.merge(text).text).toBe(text);
  });

  test("is merged into any other settings once, and keeps them", () => {
    fc.assert(
      fc.property(others, (settings) => {
        const before = write(pathname, settings);
        const { text } = file.merge(before);
        expect(file.findUpstreams(text)).toEqual(file.upstreams);
        expect(file.merge(text)).toEqual({ text, losesComments: false });
        for (const key of Object.keys(settings)) expect(text).toContain(key);
      }),
      { numRuns: 30 },
    );
  });

  test("is never merged into what cannot be parsed, and nothing of that is repeated", () => {
    const broken = 'a = "sec\nret: [ {{ password';
    const expected = expect.objectContaining({
      name: "ClientFileError",
      message: expect.stringMatching(/^is not (JSON|TOML|YAML)(?!.*(sec|ret|password))/s),
    });
    expect(() => file.merge(broken)).toThrow(ClientFileError);
    expect(() => file.merge(broken)).toThrow(expected);
    expect(() => file.findUpstreams(broken)).toThrow(expected);
  });
});

test("a list of all names each file once", () => {
  const paths = listSetups(mirror).flatMap(({ setup }) => setup.files.map(({ path }) => path));
  expect(new Set(paths).size).toBe(paths.length);
  const all = clientNames.flatMap((name) => setUpClient(name, mirror).files);
  expect(new Set(paths)).toEqual(new Set(all.map(({ path }) => path)));
});
