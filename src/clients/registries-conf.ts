import type { TomlTable, TomlValue } from "smol-toml";
import { ClientFileError, type ClientFile } from "./client-setup.ts";
import {
  isPlain,
  locationOf,
  mirrorsAll,
  namedUpstreams,
  suffixPatterns,
  type Mirror,
} from "./mirror.ts";
import { isTable, listAt, mergeToml, parseToml, quote } from "./toml.ts";

/**
 * These clients put the mirror's location in the place of the registry's host and do not say which
 * that was, so each upstream needs a location of its own.
 * https://github.com/containers/container-libs/blob/main/image/docs/containers-registries.conf.5.md
 */
export function registriesFile(mirror: Mirror): ClientFile {
  const hosts = namedUpstreams(mirror);
  const text = freshText(mirror, hosts);
  return {
    path: "/etc/containers/registries.conf.d/entrepot.conf",
    upstreams: hosts,
    text,
    merge: (existing) =>
      mergeToml(existing, text, (table) =>
        hosts.reduce((merged, host) => addUpstream(merged, host, mirror), table),
      ),
    findUpstreams: (existing) => {
      const registries = registriesOf(parseToml(existing));
      return hosts.filter((host) =>
        registries.some((registry) => isFor(registry, host) && hasMirror(registry, host, mirror)),
      );
    },
  };
}

function freshText(mirror: Mirror, hosts: string[]): string {
  const blocks = hosts.map((host) =>
    [
      "[[registry]]",
      `prefix = ${quote(host)}`,
      `location = ${quote(host)}`,
      "",
      "[[registry.mirror]]",
      `location = ${quote(mirrorLocation(host, mirror))}`,
      ...(isPlain(mirror) ? ["insecure = true"] : []),
      "",
    ].join("\n"),
  );
  return [header(mirror), ...blocks].join("\n");
}

function header(mirror: Mirror): string {
  const left = [...suffixPatterns(mirror), ...(mirrorsAll(mirror) ? ["*"] : [])];
  return [
    `# What is pulled from these registries is asked of the mirror at ${mirror.url} first.`,
    ...(isPlain(mirror) ? ["# insecure allows plain HTTP."] : []),
    ...left.map(
      (pattern) =>
        `# ${pattern} is left out, as a location cannot say which host is meant: add each as below.`,
    ),
    "",
  ].join("\n");
}

function addUpstream(table: TomlTable, host: string, mirror: Mirror): TomlTable {
  const registries = registriesOf(table);
  const found = registries.find((registry) => isFor(registry, host));
  if (!found) {
    const registry = { prefix: host, location: host, mirror: addMirror([], host, mirror) };
    return { ...table, registry: [...registries, registry] };
  }
  if (found["location"] === mirrorLocation(host, mirror)) return table;
  const complete = { ...found, mirror: addMirror(tablesOf(found, "mirror"), host, mirror) };
  const replaced = registries.map((registry) => (registry === found ? complete : registry));
  return { ...table, registry: replaced };
}

/** In front, as they are asked in this order. */
function addMirror(mirrors: TomlTable[], host: string, mirror: Mirror): TomlTable[] {
  const location = mirrorLocation(host, mirror);
  const needs = isPlain(mirror) ? { insecure: true } : {};
  const found = mirrors.find((each) => each["location"] === location);
  if (!found) return [{ location, ...needs }, ...mirrors];
  return mirrors.map((each) => (each === found ? { ...found, ...needs } : each));
}

function hasMirror(registry: TomlTable, host: string, mirror: Mirror): boolean {
  const location = mirrorLocation(host, mirror);
  const mirrors = tablesOf(registry, "mirror");
  return [registry, ...mirrors].some((each) => each["location"] === location);
}

function isFor(registry: TomlTable, host: string): boolean {
  return (registry["prefix"] ?? registry["location"]) === host;
}

function mirrorLocation(host: string, mirror: Mirror): string {
  return `${locationOf(mirror)}/${host}`;
}

function registriesOf(table: TomlTable): TomlTable[] {
  return tablesOf(table, "registry");
}

function tablesOf(table: TomlTable, key: string): TomlTable[] {
  const values: TomlValue[] = listAt(table, key);
  const tables = values.filter((value) => isTable(value));
  if (tables.length === values.length) return tables;
  throw new ClientFileError(`has a ${key} that is no table`);
}
