import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import { RegistryError } from "../../oci/errors.ts";
import { parsePlatform, type Platform } from "../../oci/platform.ts";
import { formatPullName, parsePullName, type PullName } from "../../oci/pull-name.ts";
import type { RepositoryDirectory } from "../repository-directory.ts";
import type {
  CallOptions,
  OperationArgs,
  Operations,
  PrefetchProgress,
  PrefetchReport,
} from "./operations.ts";
import { PrefetchRun } from "./prefetch-run.ts";

interface PrefetchOptions {
  directory: Pick<RepositoryDirectory, "get">;
  clock: Clock;
  log: Logger;
}

/**
 * Fetches through the repositories that clients read through, so that it shares downloads with
 * them and counts as use. When aborted it rejects at once; what came so far stays, and downloads
 * under way go on for as long as the mirror runs. Throws RegistryError, before anything is
 * fetched, if one of the names or platforms is none.
 */
export function createPrefetch(options: PrefetchOptions): Operations["prefetch"] {
  return (args, call) => prefetch(args, call, options);
}

async function prefetch(
  args: OperationArgs<"prefetch">,
  { signal, onEvent }: CallOptions<PrefetchProgress>,
  options: PrefetchOptions,
): Promise<PrefetchReport> {
  const names = parseNames(args.names);
  const platforms = parsePlatforms(args.platforms);
  signal.throwIfAborted();
  return new PrefetchRun({ ...options, platforms, signal, onEvent }).run(names);
}

/** By complete name, so that none is there twice. */
function parseNames(written: readonly string[]): Map<string, PullName> {
  return new Map(
    written.map((text) => {
      const name = parseName(text);
      return [formatPullName(name.repository, name.reference), name];
    }),
  );
}

function parseName(text: string): PullName {
  try {
    return parsePullName(text);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new RegistryError(error.code, `${text}: ${error.message}`, { cause: error });
  }
}

function parsePlatforms(written: readonly string[] | "all"): Platform[] | "all" {
  if (written === "all") return written;
  if (written.length === 0) {
    throw new RegistryError(
      "UNSUPPORTED",
      "name at least one platform, such as linux/amd64, or all",
    );
  }
  return written.map((text) => {
    const platform = parsePlatform(text);
    if (platform) return platform;
    const message = `"${text}" is not a platform; write os/architecture, such as linux/amd64`;
    throw new RegistryError("UNSUPPORTED", message);
  });
}
