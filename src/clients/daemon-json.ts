import { ClientFileError, unchanged, type ClientFile, type Merged } from "./client-setup.ts";
import { dockerHub } from "../oci/docker-hub.ts";
import {
  isDockerHubDefault,
  isLoopback,
  isPlain,
  isSameUrl,
  locationOf,
  type Mirror,
} from "./mirror.ts";

const mirrorsKey = "registry-mirrors";
const insecureKey = "insecure-registries";

/** None where dockerd has to know nothing of this mirror. */
export function daemonFiles(mirror: Mirror): ClientFile[] {
  const text = JSON.stringify(addMirror({}, mirror), undefined, 2);
  if (text === "{}") return [];
  return [
    {
      path: "/etc/docker/daemon.json",
      upstreams: isDockerHubDefault(mirror) ? [dockerHub] : [],
      text: `${text}\n`,
      merge: (existing) => mergeDaemon(existing, mirror),
      findUpstreams: (existing) => {
        const mirrors = listAt(parseDaemon(existing), mirrorsKey);
        return mirrors.some((url) => isSameUrl(url, mirror.url)) ? [dockerHub] : [];
      },
    },
  ];
}

function mergeDaemon(existing: string, mirror: Mirror): Merged {
  const settings = parseDaemon(existing);
  const merged = addMirror(settings, mirror);
  if (JSON.stringify(merged) === JSON.stringify(settings)) return unchanged(existing);
  const indent = /^[ \t]+(?=")/m.exec(existing)?.[0] ?? "  ";
  return unchanged(`${JSON.stringify(merged, undefined, indent)}\n`);
}

/**
 * Mirrors are asked for Docker Hub's content only, by bare names. To pull by the mirror's own name
 * without TLS, dockerd has to be allowed to; hosts of loopback it allows by itself.
 */
function addMirror(settings: Settings, mirror: Mirror): Settings {
  const merged = { ...settings };
  const mirrors = listAt(settings, mirrorsKey);
  if (isDockerHubDefault(mirror) && !mirrors.some((url) => isSameUrl(url, mirror.url))) {
    merged[mirrorsKey] = [mirror.url, ...mirrors];
  }
  const insecure = listAt(settings, insecureKey);
  const location = locationOf(mirror);
  if (isPlain(mirror) && !isLoopback(mirror) && !insecure.includes(location)) {
    merged[insecureKey] = [...insecure, location];
  }
  return merged;
}

interface Settings {
  [key: string]: unknown;
}

function parseDaemon(text: string): Settings {
  if (text.trim() === "") return {};
  const value = parseJson(text);
  if (isSettings(value)) return value;
  throw new ClientFileError("is not a JSON object");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message may quote the file, which may hold a proxy's password.
    const place = /line \d+ column \d+/.exec(String(error))?.[0];
    throw new ClientFileError(`is not JSON${place === undefined ? "" : `, ${place}`}`);
  }
}

function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listAt(settings: Settings, key: string): unknown[] {
  const value = settings[key] ?? [];
  if (Array.isArray(value)) return value;
  throw new ClientFileError(`has ${key} that is no list`);
}
