import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Platform } from "../../oci/platform.ts";
import type { PullName } from "../../oci/pull-name.ts";
import type { RepositoryDirectory } from "../repository-directory.ts";
import type { PrefetchProgress, PrefetchReport } from "./operations.ts";
import { PrefetchBlobs, type WantedBlob } from "./prefetch-blobs.ts";
import { ManifestWalk } from "./prefetch-manifests.ts";
import { describeProblem, notKept, summarizeProblems } from "./prefetch-problem.ts";
import { PrefetchSlots } from "./prefetch-slots.ts";

interface PrefetchRunOptions {
  directory: Pick<RepositoryDirectory, "get">;
  clock: Clock;
  log: Logger;
  platforms: readonly Platform[] | "all";
  signal: AbortSignal;
  onEvent: (event: PrefetchProgress) => void;
}

type NameReport = PrefetchReport["names"][number];

/** A name with what it leads to. */
interface FetchedName {
  report: NameReport;
  blobs: WantedBlob[];
}

const namesAtATime = 4;

/** One prefetch of several names. */
export class PrefetchRun {
  readonly #options: PrefetchRunOptions;
  readonly #blobs: PrefetchBlobs;

  constructor(options: PrefetchRunOptions) {
    this.#options = options;
    this.#blobs = new PrefetchBlobs(options);
  }

  /** By complete name. Rejects only when aborted. */
  async run(names: ReadonlyMap<string, PullName>): Promise<PrefetchReport> {
    const slots = new PrefetchSlots(namesAtATime);
    const fetching = [...names].map(([name, parsed]) =>
      slots.run(() => this.#fetchName(name, parsed)),
    );
    const fetched = await allUnlessAborted(fetching, this.#options.signal);
    const reports: NameReport[] = [];
    for (const name of fetched) reports.push(await this.#checkName(name));
    return { names: reports, ...this.#blobs.totals };
  }

  async #fetchName(name: string, parsed: PullName): Promise<FetchedName> {
    const { signal, log } = this.#options;
    signal.throwIfAborted();
    this.#report(name, "resolving");
    const describe = (error: unknown) => describeProblem(error, parsed.registry, log);
    try {
      const fetched = await this.#fetchContent(name, parsed, describe);
      const { complete, problem } = fetched.report;
      this.#report(name, complete ? "done" : "failed", problem);
      return fetched;
    } catch (error) {
      signal.throwIfAborted();
      const problem = describe(error);
      this.#report(name, "failed", problem);
      return { report: { name, complete: false, problem }, blobs: [] };
    }
  }

  async #fetchContent(
    name: string,
    parsed: PullName,
    describe: (error: unknown) => string,
  ): Promise<FetchedName> {
    const { directory, platforms, signal } = this.#options;
    const repository = directory.get(parsed.registry, parsed.name);
    const walk = new ManifestWalk({ repository, platforms, signal, describe });
    await walk.walk(parsed.reference);
    const blobs = [...walk.blobs.values()].map((blob) => ({ name, repository, blob, describe }));
    const bringing = blobs.map((wanted) => this.#bring(wanted));
    const blobProblems = await allUnlessAborted(bringing, signal);
    const problems = [...walk.problems, ...blobProblems.flat()];
    const problem = summarizeProblems(problems) ?? walk.warning;
    const report = { name, complete: problems.length === 0, ...(problem && { problem }) };
    return { report, blobs };
  }

  async #bring(wanted: WantedBlob): Promise<string[]> {
    const problem = await this.#blobs.bring(wanted);
    return problem === undefined ? [] : [`blob ${wanted.blob.digest}: ${problem}`];
  }

  /** What came first may have had to make room for what came last. */
  async #checkName({ report, blobs }: FetchedName): Promise<NameReport> {
    if (!report.complete) return report;
    let lost = 0;
    for (const wanted of blobs) if (!(await this.#blobs.isHere(wanted))) lost += 1;
    if (lost === 0) return report;
    const problem = `${lost} of its ${blobs.length} blobs ${lost === 1 ? "was" : "were"} ${notKept}`;
    this.#report(report.name, "failed", problem);
    return { name: report.name, complete: false, problem };
  }

  #report(name: string, state: "resolving" | "done" | "failed", problem?: string): void {
    const { signal, onEvent } = this.#options;
    if (signal.aborted) return;
    onEvent({ kind: "name", name, state, ...(problem !== undefined && { problem }) });
  }
}

/** Waits for all of them also when one fails, so that none goes on unseen. */
async function allUnlessAborted<Result>(
  promises: Promise<Result>[],
  signal: AbortSignal,
): Promise<Result[]> {
  await Promise.allSettled(promises);
  signal.throwIfAborted();
  return Promise.all(promises);
}
