import { isHostPattern } from "../oci/host-patterns.ts";
import { canonicalHost } from "../oci/registry-host.ts";
import { isTree, type Path, type Tree } from "./tree.ts";

/** `path` is within `upstreams`. */
type Report = (path: Path, message: string) => void;

/** A word by which clients may mean an upstream. */
interface Claim {
  path: Path;
  kind: "prefix" | "host";
  name: string;
}

/** What a client writes must mean one upstream: no two share a prefix or a host. */
export function checkNames(upstreams: ReadonlyMap<string, unknown>, report: Report): void {
  const owners = new Map<string, string>();
  for (const [host, settings] of upstreams) {
    for (const { path, kind, name } of isTree(settings) ? listClaims(settings) : []) {
      const owner = owners.get(`${kind} ${name}`);
      const meant = canonicalHost(name);
      if (owner !== undefined) {
        report([host, ...path], `is a ${kind} of ${owner} already; write another`);
      } else if (meant !== host && upstreams.has(meant)) {
        report([host, ...path], "is an upstream itself; write another");
      }
      owners.set(`${kind} ${name}`, owner ?? host);
    }
  }
}

/** `chosen` is where bare names belong: it must be one of the upstreams, whose keys `hosts` are. */
export function checkDefault(hosts: string[], chosen: string, report: Report): void {
  const [first, ...more] = hosts.filter((host) => !isHostPattern(host));
  if (first === chosen || more.includes(chosen)) return;
  const orAnother = more.length === 0 ? "" : " or another of them";
  const orChoose = first === undefined ? "" : `, or write defaultUpstream: ${first}${orAnother}`;
  report([], `do not name ${chosen}, where bare names belong; add "${chosen}: {}"${orChoose}`);
}

function listClaims({ prefix, hosts }: Tree): Claim[] {
  const claims: Claim[] = [];
  if (typeof prefix === "string") claims.push({ path: ["prefix"], kind: "prefix", name: prefix });
  for (const [index, name] of Array.isArray(hosts) ? hosts.entries() : []) {
    if (typeof name === "string") claims.push({ path: ["hosts", index], kind: "host", name });
  }
  return claims;
}
