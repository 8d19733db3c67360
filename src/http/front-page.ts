import type { IncomingMessage } from "node:http";
import { clientSettings, type ClientSetting } from "./client-settings.ts";
import { textReply, type Reply } from "./reply.ts";

export interface FrontPageInfo {
  /** Where clients reach this registry, if its own address is not what they see. */
  publicUrl: string | undefined;
  /** Canonical hosts of the registries that are mirrored, the default one first. */
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
  const settings = clientSettings(url);
  const reply = request.headers.accept?.includes("text/html")
    ? textReply(200, "text/html; charset=utf-8", renderHtml(url, info, settings))
    : textReply(200, "text/plain; charset=utf-8", renderText(url, info, settings));
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

function describe(url: string, { upstreams }: FrontPageInfo): string {
  return `${url} keeps what was pulled from ${upstreams.join(", ")} and serves it again, also when that is slow or away.`;
}

function renderText(url: string, info: FrontPageInfo, settings: ClientSetting[]): string {
  const sections = settings.map(({ title, where, text }) => `# ${title}: ${where}\n${text}\n`);
  return [
    `entrepot, a mirror for container registries\n${describe(url, info)}\n`,
    ...sections,
  ].join("\n");
}

function renderHtml(url: string, info: FrontPageInfo, settings: ClientSetting[]): string {
  const sections = settings.map(
    ({ title, where, text }) =>
      `<h2>${escapeHtml(title)}</h2>\n<p>${escapeHtml(where)}</p>\n<pre><code>${escapeHtml(text)}</code></pre>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>entrepot</title>
<style>${style}</style>
<h1>entrepot</h1>
<p>A mirror for container registries. ${escapeHtml(describe(url, info))}</p>
${sections.join("\n")}
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
