import { Dialer, type DialEvent, type DialTarget } from "../egress/dialer.ts";
import { findIssuer } from "./probe-certificate.ts";
import type { ProbeOptions } from "./probe-options.ts";
import type { ProbeStepName, ProbeTrail } from "./probe-trail.ts";
import { UpstreamError } from "../upstream.ts";

type Way = Pick<ProbeOptions, "endpoint" | "guard" | "connectTimeoutMs" | "signal">;

/** DNS, TCP, proxy and TLS, by one connection that is given up then. false: there is no way. */
export async function probeConnection(way: Way, trail: ProbeTrail): Promise<boolean> {
  const { endpoint, signal } = way;
  const base = new URL(endpoint.url);
  const dialer = new Dialer({ ...way, egress: endpoint.egress, ownHost: base.hostname });
  const told: DialEvent["kind"][] = [];
  const onEvent = (event: DialEvent) => {
    told.push(event.kind);
    tell(event, trail);
  };
  try {
    const socket = await dialer.dial(targetOf(base), "registry", { signal, onEvent });
    socket.destroy();
  } catch (error) {
    const message = trail.explain(await withIssuer(error, way));
    const step = failedStep(message, told);
    if (step === "proxy" && !told.includes("connected")) trail.skip("tcp", "left to the proxy");
    trail.fail(step, message);
    return false;
  }
  if (base.protocol === "http:") trail.skip("tls", "plain http");
  return true;
}

function targetOf({ protocol, hostname, port }: URL): DialTarget {
  if (protocol === "http:") return { protocol, hostname, port: Number(port || 80) };
  return { protocol: "https:", hostname, port: Number(port || 443) };
}

function tell(event: DialEvent, trail: ProbeTrail): void {
  switch (event.kind) {
    case "resolved":
      return trail.ok("dns", describeAddresses(event));
    case "left-to-proxy":
      return trail.ok("dns", `${event.host} is left to the proxy`);
    case "connected":
      trail.ok("tcp", describePeer(event));
      if (event.proxy === undefined) trail.skip("proxy", "none is used");
      return;
    case "tunnelled":
      return trail.ok("proxy", `${event.proxy} lets through`);
    case "secured":
      return trail.ok("tls", describeCertificate(event));
  }
}

function describeAddresses({ host, addresses, source }: Extract<DialEvent, { kind: "resolved" }>) {
  if (source === "literal") return `${host} is an address`;
  const words = source === "configured" ? ", as configured" : "";
  return `${host} is ${addresses.join(", ")}${words}`;
}

function describePeer({ address, port, proxy }: Extract<DialEvent, { kind: "connected" }>) {
  const peer = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  return proxy === undefined ? peer : `${peer}, the proxy ${proxy}`;
}

function describeCertificate(secured: Extract<DialEvent, { kind: "secured" }>): string {
  const { protocol, subject, issuer, validTo } = secured;
  const until = Number.isNaN(validTo)
    ? ""
    : `, until ${new Date(validTo).toISOString().slice(0, 10)}`;
  return `${protocol}, certificate for ${subject} from ${issuer}${until}`;
}

/** A dialer's message begins with the stage. The guard judges addresses that were found. */
function failedStep(message: string, told: readonly DialEvent["kind"][]): ProbeStepName {
  if (message.startsWith("proxy ")) return "proxy";
  if (message.startsWith("TLS:")) return "tls";
  const isFound = told.includes("resolved") || told.includes("left-to-proxy");
  return isFound ? "tcp" : "dns";
}

async function withIssuer(error: unknown, way: Way): Promise<unknown> {
  if (!(error instanceof UpstreamError)) return error;
  if (!/^TLS: .*no trusted authority/.test(error.message)) return error;
  const issuer = await findIssuer(way);
  if (issuer === undefined) return error;
  const message = `${error.message}: the certificate was issued by ${issuer}`;
  return new UpstreamError(error.failure, message, { cause: error });
}
