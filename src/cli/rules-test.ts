import type { Config } from "../config/config.ts";
import { covers } from "../config/host-pattern.ts";
import { ruleBookOptions } from "../config/rule-book-options.ts";
import { formatRuleSetting } from "../config/to-tree.ts";
import { RegistryError } from "../oci/errors.ts";
import { formatPullName, parsePullName, type PullName } from "../oci/pull-name.ts";
import { RuleBook } from "../registry/rule-book.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatTable, toPrintable, type Column } from "./format-table.ts";
import { writeJson, writeLine, type OutputStream } from "./output.ts";
import { readConfig } from "./read-config.ts";

interface TestOptions {
  file: string;
  env: NodeJS.ProcessEnv;
  names: string[];
  json: boolean;
  stdout: OutputStream;
}

/** What holds for a name, in the words of the file. */
interface TestedName {
  name: string;
  settings: TestedSetting[];
}

interface TestedSetting {
  key: string;
  value: boolean | string;
  /** `default`, or where the rule stands. */
  source: string;
  /** Of the rule. */
  match?: string;
}

const columns: Column<TestedSetting>[] = [
  { title: "KEY", format: ({ key }) => key },
  { title: "VALUE", format: ({ value }) => String(value) },
  { title: "SET BY", format: ({ source }) => source },
  { title: "MATCH", format: ({ match = "" }) => match },
];

/** Says for each name what holds for it, and which rule says so. */
export async function testRules(options: TestOptions): Promise<ExitCode> {
  const { file, env, names, json, stdout } = options;
  const pullNames = parseNames(names);
  const config = await readConfig(file, env);
  if (!pullNames || !config) return exitCode.usage;
  const rules = new RuleBook(ruleBookOptions(config));
  const tested = pullNames.map((name) => testName(name, rules));
  for (const { registry } of pullNames) warnOfUpstream(registry, config);
  if (json) await writeJson(stdout, tested);
  else await writeLine(stdout, tested.map(formatTested).join("\n\n"));
  return exitCode.done;
}

/** undefined: one of them is none; which and why goes to standard error. */
function parseNames(names: string[]): PullName[] | undefined {
  const parsed = names.map((name) => parseName(name)).filter((name) => name !== undefined);
  return parsed.length === names.length ? parsed : undefined;
}

function parseName(name: string): PullName | undefined {
  try {
    return parsePullName(name);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    console.error(toPrintable(`${name}: ${error.message}`));
    return undefined;
  }
}

function testName({ repository, reference }: PullName, rules: RuleBook): TestedName {
  const tag = reference.kind === "tag" ? reference.tag : undefined;
  const settings = rules.explain(repository, tag).map(({ key, value, source }) => {
    const [word, written] = formatRuleSetting(key, value);
    const origin =
      source === "default" ? { source } : { source: source.place, match: source.pattern };
    return { key: word, value: written, ...origin };
  });
  return { name: formatPullName(repository, reference), settings };
}

function warnOfUpstream(registry: string, { upstreams }: Config): void {
  if ([...upstreams.keys()].some((key) => covers(key, registry))) return;
  const mirrored = [...upstreams.keys()].join(", ");
  console.error(`warning: ${registry} is not mirrored; configured: ${mirrored}`);
}

function formatTested({ name, settings }: TestedName): string {
  const lines = formatTable(columns, settings).map((line) => `  ${line}`);
  return [name, ...lines].join("\n");
}
