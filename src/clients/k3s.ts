import { isMap, isScalar, isSeq, parseDocument, type Document, type YAMLSeq } from "yaml";
import {
  ClientFileError,
  unchanged,
  type ClientFile,
  type ClientSetup,
  type Merged,
} from "./client-setup.ts";
import { isSameUrl, mirrorsAll, namedUpstreams, suffixPatterns, type Mirror } from "./mirror.ts";

/** https://docs.k3s.io/installation/private-registry */
export function setUpK3s(mirror: Mirror): ClientSetup {
  const patterns = mirrorsAll(mirror) ? [] : suffixPatterns(mirror);
  return {
    title: "K3s",
    files: [registriesFile(mirror)],
    snippets: [],
    afterwards: ["sudo systemctl restart k3s"],
    notes: [
      "Every node needs the file; on agents the service is k3s-agent.",
      "For RKE2 the same file is /etc/rancher/rke2/registries.yaml.",
      ...patterns.map((pattern) => `${pattern} needs an entry for each of its hosts.`),
    ],
  };
}

function registriesFile(mirror: Mirror): ClientFile {
  const upstreams = [...namedUpstreams(mirror), ...(mirrorsAll(mirror) ? ["*"] : [])];
  const text = freshText(mirror, upstreams);
  return {
    path: "/etc/rancher/k3s/registries.yaml",
    upstreams,
    text,
    merge: (existing) => mergeRegistries(existing, { text, url: mirror.url, upstreams }),
    findUpstreams: (existing) => {
      const document = parse(existing);
      return upstreams.filter((upstream) => hasEndpoint(document, upstream, mirror.url));
    },
  };
}

function freshText({ url }: Mirror, upstreams: string[]): string {
  const entries = upstreams.flatMap((upstream) => [
    `  ${JSON.stringify(upstream)}:`,
    "    endpoint:",
    `      - ${JSON.stringify(url)}`,
  ]);
  return [
    "# What is pulled from these registries is asked of the mirror first.",
    "mirrors:",
    ...entries,
    "",
  ].join("\n");
}

interface Wanted {
  text: string;
  url: string;
  upstreams: string[];
}

function mergeRegistries(existing: string, { text, url, upstreams }: Wanted): Merged {
  const document = parse(existing);
  if (document.contents === null) return unchanged(existing.replace(/(?<=.)$/, "\n") + text);
  const missing = upstreams.filter((upstream) => !hasEndpoint(document, upstream, url));
  if (missing.length === 0) return unchanged(existing);
  for (const upstream of missing) addEndpoint(document, upstream, url);
  return unchanged(document.toString({ lineWidth: 0 }));
}

function hasEndpoint(document: Document, upstream: string, url: string): boolean {
  const endpoints = endpointsOf(document, upstream)?.items ?? [];
  return endpoints.some((endpoint) => isScalar(endpoint) && isSameUrl(endpoint.value, url));
}

/** In front, as they are asked in this order. */
function addEndpoint(document: Document, upstream: string, url: string): void {
  const endpoints = endpointsOf(document, upstream);
  if (endpoints) endpoints.items.unshift(document.createNode(url));
  else setEndpoints(document, upstream, url);
}

function setEndpoints(document: Document, upstream: string, url: string): void {
  const path = ["mirrors", upstream, "endpoint"];
  // Not setIn with the whole path: where a key has no value, it throws.
  const depth = path.findIndex((_, index) => !isMap(nodeAt(document, path.slice(0, index + 1))));
  const rest = path.slice(depth + 1);
  const value = rest.reduceRight<unknown>((inner, key) => ({ [key]: inner }), [url]);
  document.setIn(path.slice(0, depth + 1), document.createNode(value));
}

/** undefined: there are none. Throws ClientFileError where there is something else. */
function endpointsOf(document: Document, upstream: string): YAMLSeq | undefined {
  const path = ["mirrors", upstream, "endpoint"];
  for (const [index, key] of path.entries()) {
    const node = nodeAt(document, path.slice(0, index + 1));
    if (node === undefined) return undefined;
    if (key === "endpoint" && isSeq(node)) return node;
    if (key === "endpoint" || !isMap(node)) {
      const kind = key === "endpoint" ? "list" : "mapping";
      throw new ClientFileError(`has ${path.slice(0, index + 1).join(".")} that is no ${kind}`);
    }
  }
  return undefined;
}

/** undefined: nothing is there, or a key without a value. */
function nodeAt(document: Document, path: string[]): unknown {
  const node = document.getIn(path, true);
  return isScalar(node) && node.value === null ? undefined : node;
}

function parse(text: string): Document {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    // The message may quote the file, which may hold passwords.
    const line = text.slice(0, error.pos[0]).split("\n").length;
    throw new ClientFileError(`is not YAML, line ${line}: ${error.code}`);
  }
  if (document.contents !== null && !isMap(document.contents)) {
    throw new ClientFileError("is no mapping");
  }
  return document;
}
