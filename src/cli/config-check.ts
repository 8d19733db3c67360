import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatUrl } from "./format-url.ts";
import { readConfig } from "./read-config.ts";

/** Says whether a server would accept the configuration, and what it would do with it. */
export async function checkConfig(file: string, env: NodeJS.ProcessEnv): Promise<ExitCode> {
  const config = await readConfig(file, env);
  if (!config) return exitCode.usage;
  const { server, storage, upstreams } = config;
  const mirrored = [...upstreams].map(
    ([host, { endpoints }]) => `${host} from ${endpoints.join(", ")}`,
  );
  console.log(`${file}: ok`);
  console.log(
    `mirrors ${mirrored.join("; ")}, listens on ${formatUrl(server.host, server.port)}, stores in ${storage.path}`,
  );
  return exitCode.done;
}
