import type { Command } from "commander";
import type {
  DamagedEntry,
  VerifyProgress,
  VerifyReport,
} from "../registry/operations/operations.ts";
import {
  withConfig,
  withExamples,
  withJson,
  withSwitch,
  type CommandContext,
  type ConfigOption,
  type JsonOption,
} from "./command.ts";
import { exitCode, type ExitCode } from "./exit-code.ts";
import { formatCount, formatShare, formatSize } from "./format-size.ts";
import { toPrintable } from "./format-table.ts";
import { writeJson, writeLine } from "./output.ts";
import { runOperations } from "./run-operations.ts";
import { StatusLine } from "./status-line.ts";

interface VerifyOptions extends ConfigOption, JsonOption {
  all: boolean;
  repair: boolean;
}

export function registerVerify(program: Command, context: CommandContext): void {
  const command = program
    .command("verify")
    .description("read blobs and check their digests; what is damaged is moved aside")
    .argument("[name]", "what to check: node:24, ghcr.io/owner/app, sha256:…")
    .action(async (name: string | undefined, options: VerifyOptions) => {
      if (options.all === (name !== undefined)) {
        command.error("error: say what to check: a name, a digest, or --all");
      }
      context.finish(await verify(name, options, context));
    });
  withSwitch(command, "--all", "check every blob");
  withSwitch(command, "--repair", "fetch what is damaged again");
  withExamples(withJson(withConfig(command)), [
    "verify --all",
    "verify node:24 --repair",
    "verify --all --json | jq '.damaged[].digest'",
  ]);
}

async function verify(
  name: string | undefined,
  { config, json, repair }: VerifyOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { stdout, stderr, stop: signal } = context;
  return runOperations(context, config, async (operations) => {
    const args = { repair, ...(name !== undefined && { name }) };
    using status = new StatusLine(stderr);
    const onEvent = (progress: VerifyProgress) => status.show(describeProgress(progress));
    const report = await operations.verify(args, { signal, onEvent });
    status.clear();
    if (json) await writeJson(stdout, report);
    else for (const line of describeReport(report)) await writeLine(stdout, toPrintable(line));
    const isWell = report.damaged.every(({ repaired }) => repaired === true);
    return isWell ? exitCode.done : exitCode.failed;
  });
}

function describeProgress({ done, total }: VerifyProgress): string {
  const share = formatShare(done.bytes, total.bytes);
  return `${done.blobs} of ${formatCount(total.blobs, "blob")}, ${formatSize(done.bytes)} of ${formatSize(total.bytes)} (${share})`;
}

function describeReport({ blobs, manifests, bytes, damaged }: VerifyReport): string[] {
  const checked = `${formatCount(blobs, "blob")} and ${formatCount(manifests, "manifest")} checked, ${formatSize(bytes)}`;
  const repaired = damaged.filter((entry) => entry.repaired === true).length;
  const verdict =
    damaged.length === 0 ? "none damaged" : `${damaged.length} damaged, ${repaired} repaired`;
  return [...damaged.map(describeDamage), `${checked}: ${verdict}`];
}

function describeDamage(entry: DamagedEntry): string {
  const { digest, size, problem, repositories, repaired, repairProblem } = entry;
  const where = repositories.length === 0 ? "" : ` of ${repositories.join(", ")}`;
  const outcome = repaired === true ? "; repaired" : describeFailure(repairProblem);
  return `${digest} (${formatSize(size)}${where}) ${problem}${outcome}`;
}

function describeFailure(problem: string | undefined): string {
  return problem === undefined ? "" : `; not repaired: ${problem}`;
}
