/** What a manifest of an index runs on. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

/** Names that users and `uname` have for what Go, and so every index, calls otherwise. */
const architectureNames: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  i386: "386",
};

/** What Node calls processors, in Go's words, where these are others. */
const goArchitectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
  mipsel: "mipsle",
};

/** What a machine with this `process.arch` runs: Linux, wherever it runs containers. */
export function platformOfMachine(arch: string): Platform {
  return { os: "linux", architecture: goArchitectures[arch] ?? arch };
}

/** `linux/arm64/v8` → its parts. undefined: it is not `os/architecture` with an optional variant. */
export function parsePlatform(text: string): Platform | undefined {
  const [, os, written, variant] =
    /^([a-z0-9]+)\/([a-z0-9_-]+)(?:\/([a-z0-9.]+))?$/.exec(text) ?? [];
  if (os === undefined || written === undefined) return undefined;
  const architecture = architectureNames[written] ?? written;
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/** A platform asked for without a variant takes every variant. arm64 and arm64/v8 are one. */
export function matchesPlatform(asked: Platform, offered: Platform): boolean {
  if (asked.os !== offered.os || asked.architecture !== offered.architecture) return false;
  return asked.variant === undefined || variantOf(asked) === variantOf(offered);
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return architecture === "arm64" ? (variant ?? "v8") : variant;
}
