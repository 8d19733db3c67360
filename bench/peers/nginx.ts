import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../free-port.ts";
import type { Place } from "../place.ts";
import { Program } from "../program.ts";
import type { Contender } from "./contender.ts";

const bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** `proxy_cache` with one worker; the lock waits as long as it takes, so that clients share one download. */
export async function startNginx(place: Place, upstreamOrigin: string): Promise<Contender> {
  const directory = await mkdtemp(join(place.directory, "nginx-"));
  await chmod(directory, 0o755);
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const config = join(directory, "nginx.conf");
  await writeFile(config, configText(directory, port, new URL(upstreamOrigin).host));
  const program = await Program.start({
    command: "nginx",
    args: ["-e", join(directory, "error.log"), "-c", config],
    origin,
    logFile: join(directory, "nginx.log"),
    signal: place.signal,
  });
  return { name: "nginx", origin, program };
}

function configText(directory: string, port: number, upstreamHost: string): string {
  const userLine = process.getuid?.() === 0 ? "user root;" : "";
  return `
${userLine}
worker_processes 1;
daemon off;
pid ${directory}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  ${bodies.map((body) => `${body}_temp_path ${directory}/${body};`).join("\n  ")}
  proxy_cache_path ${directory}/cache levels=1:2 keys_zone=bench:10m max_size=50g inactive=1d use_temp_path=off;
  upstream registry {
    server ${upstreamHost};
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://registry;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache bench;
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_cache_lock_age 1h;
      proxy_cache_lock_timeout 1h;
    }
  }
}
`;
}
