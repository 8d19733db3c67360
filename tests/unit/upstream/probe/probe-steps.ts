import type { CredentialSource } from "../../../../src/upstream/credentials.ts";
import { directEgress, type Egress } from "../../../../src/upstream/egress/egress.ts";
import { parseReference } from "../../../../src/oci/reference.ts";
import { probeUpstream, type UpstreamProbe } from "../../../../src/upstream/probe/probe.ts";
import type { ProbeTarget } from "../../../../src/upstream/probe/probe-options.ts";
import type { ProbeFinding } from "../../../../src/upstream/probe/probe-trail.ts";
import { ManualClock } from "../manual-clock.ts";
import { app, captureLog, never } from "../open-upstream.ts";

export const latest: ProbeTarget = {
  repository: app,
  reference: parseReference("latest"),
  isAsked: true,
};

interface ProbeSettings extends Partial<Omit<UpstreamProbe, "endpoints" | "onStep">> {
  trust?: "full" | "content";
  egress?: Partial<Egress>;
}

export function endpointAt(url: string, { trust = "full", egress }: ProbeSettings = {}) {
  return { url, trust, egress: { ...directEgress, ...egress } };
}

/** What was told of the endpoints, in order, `dns ok` and so on, and what was said of each step. */
export class ProbeOutcome {
  readonly findings: (ProbeFinding & { endpoint: string })[] = [];
  lines: string[] = [];

  get outcomes(): string[] {
    return this.findings.map(({ step, outcome }) => `${step} ${outcome}`);
  }

  messageOf(step: ProbeFinding["step"], endpoint?: string): string {
    const found = this.findings.filter(
      (finding) => finding.step === step && (endpoint ?? finding.endpoint) === finding.endpoint,
    );
    return found.map(({ message }) => message).join("\n");
  }

  get failed(): string[] {
    return this.findings.filter(({ outcome }) => outcome === "failed").map(({ step }) => step);
  }
}

export async function probe(
  endpoints: UpstreamProbe["endpoints"],
  settings: ProbeSettings = {},
): Promise<ProbeOutcome> {
  const outcome = new ProbeOutcome();
  const { log, lines } = captureLog();
  outcome.lines = lines;
  await probeUpstream({
    endpoints,
    sources: [],
    target: latest,
    tokenRealms: [],
    guard: undefined,
    connectTimeoutMs: 5000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    clock: new ManualClock(),
    log,
    signal: never,
    ...settings,
    onStep: (endpoint, finding) => void outcome.findings.push({ endpoint, ...finding }),
  });
  return outcome;
}

export function probeOne(url: string, settings: ProbeSettings = {}): Promise<ProbeOutcome> {
  return probe([endpointAt(url, settings)], settings);
}

/** Credentials that remember whether they were refused. */
export class RememberingSource implements CredentialSource {
  readonly name: string;
  readonly #password: string;
  refusals = 0;

  constructor(name: string, password: string) {
    this.name = name;
    this.#password = password;
  }

  async get() {
    return { kind: "password", username: this.name, password: this.#password } as const;
  }

  refuse(): void {
    this.refusals += 1;
  }
}
