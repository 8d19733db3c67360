import { ConfigError } from "../config/config-error.ts";
import { loadConfig } from "../config/load.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { toPrintable } from "./format-table.ts";
import { formatUrl } from "./format-url.ts";
import { writeJson, writeLine, type OutputStream } from "./output.ts";
import { readConfig } from "./read-config.ts";

interface CheckOptions {
  file: string;
  env: NodeJS.ProcessEnv;
  json: boolean;
  stdout: OutputStream;
}

/** Says whether a server would accept the configuration, and what it would do with it. */
export async function checkConfig(options: CheckOptions): Promise<ExitCode> {
  if (options.json) return checkForPrograms(options);
  const { file, env, stdout } = options;
  const config = await readConfig(file, env);
  if (!config) return exitCode.usage;
  const { server, storage, upstreams } = config;
  const mirrored = [...upstreams].map(([host, { endpoints }]) =>
    endpoints.length === 0 ? host : `${host} from ${endpoints.map(({ url }) => url).join(", ")}`,
  );
  const meaning = `mirrors ${mirrored.join("; ")}, listens on ${formatUrl(server.host, server.port)}, stores in ${storage.path}`;
  await writeLine(stdout, toPrintable(`${file}: ok`));
  await writeLine(stdout, toPrintable(meaning));
  return exitCode.done;
}

/** All that is wrong is the result, and so on standard output. */
async function checkForPrograms({ file, env, stdout }: CheckOptions): Promise<ExitCode> {
  try {
    const { warnings } = await loadConfig({ file, env });
    await writeJson(stdout, { file, ok: true, problems: [], warnings });
    return exitCode.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    await writeJson(stdout, { file, ok: false, problems: error.problems, warnings: [] });
    return exitCode.usage;
  }
}
