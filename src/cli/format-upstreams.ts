import { formatDuration } from "../config/units.ts";
import type {
  AccountEntry,
  EndpointEntry,
  UpstreamEntry,
} from "../registry/operations/operations.ts";
import { formatAge, formatSpan } from "./format-age.ts";
import { formatSize } from "./format-size.ts";
import { formatTable, type Column } from "./format-table.ts";

interface Row {
  upstream: UpstreamEntry;
  /** undefined: nobody has asked for anything behind the pattern. */
  endpoint: EndpointEntry | undefined;
  /** Accounts are the upstream's: only its first row shows them. */
  accounts: AccountEntry[];
}

const none = "-";

/** A table with a line for each endpoint. */
export function formatUpstreams(upstreams: UpstreamEntry[], now: number): string[] {
  return formatTable(columnsAt(now), upstreams.flatMap(toRows));
}

/** Nobody was asked for anything yet. */
export function isUnmeasured(upstreams: UpstreamEntry[]): boolean {
  return upstreams.every(({ endpoints }) => endpoints.every(({ requests }) => requests === 0));
}

function toRows(upstream: UpstreamEntry): Row[] {
  const { accounts, endpoints } = upstream;
  if (endpoints.length === 0) return [{ upstream, endpoint: undefined, accounts }];
  return endpoints.map((endpoint, index) => ({
    upstream,
    endpoint,
    accounts: index === 0 ? accounts : [],
  }));
}

function columnsAt(now: number): Column<Row>[] {
  const of = (describe: (endpoint: EndpointEntry) => string) => (row: Row) =>
    row.endpoint ? describe(row.endpoint) : none;
  return [
    { title: "UPSTREAM", format: ({ upstream }) => describeName(upstream) },
    { title: "ENDPOINT", format: of(({ url }) => url) },
    { title: "TRUST", format: of(({ trust }) => trust) },
    { title: "STATE", format: ({ endpoint }) => endpoint?.state ?? "unused" },
    { title: "LATENCY", align: "right", format: of(describeLatency) },
    { title: "RATE", align: "right", format: of(describeRate) },
    { title: "BUDGET", format: ({ accounts }) => describeAccounts(accounts, now) },
    { title: "FAILED", align: "right", format: of(describeFailures) },
    { title: "LIES", align: "right", format: of(({ lies }) => String(lies)) },
    { title: "LAST ERROR", format: of((endpoint) => describeLastError(endpoint, now)) },
  ];
}

function describeName({ host, isDefault }: UpstreamEntry): string {
  return isDefault ? `${host} (default)` : host;
}

function describeLatency({ latencyMs }: EndpointEntry): string {
  return latencyMs === undefined ? none : `${Math.round(latencyMs)} ms`;
}

function describeRate({ bytesPerSecond }: EndpointEntry): string {
  return bytesPerSecond === undefined ? none : `${formatSize(bytesPerSecond)}/s`;
}

function describeFailures({ requests, failures }: EndpointEntry): string {
  if (requests === 0) return none;
  return `${failures.toLocaleString("en-US")} of ${requests.toLocaleString("en-US")}`;
}

function describeLastError({ lastError }: EndpointEntry, now: number): string {
  if (!lastError) return none;
  return `${formatAge(lastError.at, now)}: ${lastError.failure}: ${lastError.message}`;
}

function describeAccounts(accounts: AccountEntry[], now: number): string {
  const [only, ...others] = accounts;
  if (!only) return none;
  if (others.length === 0) return describeBudget(only, now);
  return accounts.map((each) => `${each.name}: ${describeBudget(each, now)}`).join(", ");
}

function describeBudget({ budget, restsUntil }: AccountEntry, now: number): string {
  const rest = restsUntil === undefined ? [] : [`rests for ${formatSpan(restsUntil - now)}`];
  const left = budget
    ? [`${budget.remaining} of ${budget.limit} per ${formatDuration(budget.windowMs)}`]
    : [];
  return [...left, ...rest].join(", ") || none;
}
