import type { IncomingMessage } from "node:http";
import type { ClientSetup } from "../clients/client-setup.ts";
import { listSetups } from "../clients/clients.ts";
import { isDockerHubDefault, type Mirror } from "../clients/mirror.ts";
import { textReply, type Reply } from "./reply.ts";

export interface FrontPageInfo {
  /** Where clients reach this registry, if its own address is not what they see. */
  publicUrl: string | undefined;
  /** Canonical hosts and patterns of what is mirrored; that of bare names comes first. */
  upstreams: readonly string[];
}

const saneHost = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

const style = `
:root { color-scheme: light dark; font: 16px/1.55 system-ui, sans-serif }
body { margin: 0 auto; max-width: 46rem; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.7rem; margin: 0 0 .5rem }
h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
p { margin: .4rem 0 }
pre { background: light-dark(#f3f4f6, #1f2530); border-radius: .5rem; margin: 0; overflow-x: auto; padding: .8rem 1rem }
code { font: .9rem/1.5 ui-monospace, monospace }
`;

/** For people: HTML for browsers, plain text for everything else. */
export function answerFrontPage(request: IncomingMessage, info: FrontPageInfo): Reply {
  const url = info.publicUrl?.replace(/\/+$/, "") ?? `http://${ownHost(request)}`;
  const mirror = { url, upstreams: info.upstreams };
  const reply = request.headers.accept?.includes("text/html")
    ? textReply(200, "text/html; charset=utf-8", renderHtml(mirror))
    : textReply(200, "text/plain; charset=utf-8", renderText(mirror));
  const protection = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    Vary: "Accept",
  };
  return { ...reply, headers: { ...reply.headers, ...protection } };
}

/** The name the client used, unless it is none. */
function ownHost({ headers, socket }: IncomingMessage): string {
  const host = headers.host ?? "";
  return saneHost.test(host) ? host : `localhost:${socket.localPort}`;
}

/** One client's settings: what to put where, and what to know. */
interface Section {
  title: string;
  blocks: { where: string; text: string }[];
  notes: string[];
}

function listSections(mirror: Mirror): Section[] {
  return [...listSetups(mirror).map(({ setup }) => toSection(setup)), trial(mirror)];
}

function toSection({ title, files, snippets, afterwards, notes }: ClientSetup): Section {
  const blocks = [...files.map(({ path, text }) => ({ where: path, text })), ...snippets];
  const then = afterwards.length === 0 ? [] : [`Then: ${afterwards.join("; ")}`];
  return { title, blocks, notes: [...then, ...notes] };
}

function trial(mirror: Mirror): Section {
  const path = isDockerHubDefault(mirror) ? "library/hello-world/manifests/latest" : "";
  return {
    title: "Try it",
    blocks: [
      {
        where: "The header X-Cache says where content came from",
        text: `curl -sSI ${mirror.url}/v2/${path}\n`,
      },
    ],
    notes: [],
  };
}

function describe({ url, upstreams }: Mirror): string {
  const named = upstreams.map((upstream) => (upstream === "*" ? "any other registry" : upstream));
  return `${url} keeps what was pulled from ${named.join(", ")} and serves it again, also when that is slow or away.`;
}

function renderText(mirror: Mirror): string {
  const sections = listSections(mirror).map(({ title, blocks, notes }) =>
    [
      ...blocks.map(({ where, text }) => `# ${title}: ${where}\n${text}\n`),
      ...(notes.length === 0 ? [] : [`${notes.map((note) => `(${note})`).join("\n")}\n\n`]),
    ].join(""),
  );
  return `entrepot, a mirror for container registries\n${describe(mirror)}\n\n${sections.join("")}`;
}

function renderHtml(mirror: Mirror): string {
  const sections = listSections(mirror).map(({ title, blocks, notes }) =>
    [
      `<h2>${escapeHtml(title)}</h2>`,
      ...blocks.map(
        ({ where, text }) =>
          `<p>${escapeHtml(where)}</p>\n<pre><code>${escapeHtml(text)}</code></pre>`,
      ),
      ...notes.map((note) => `<p>${escapeHtml(note)}</p>`),
    ].join("\n"),
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>entrepot</title>
<style>${style}</style>
<h1>entrepot</h1>
<p>A mirror for container registries. ${escapeHtml(describe(mirror))}</p>
${sections.join("\n")}
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
