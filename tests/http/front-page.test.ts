import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { RawClient } from "./raw-client.ts";
import { TestRegistry } from "./test-registry.ts";

describe("GET /", () => {
  test("is a page that needs nothing from elsewhere", async () => {
    const { app } = new TestRegistry();
    const response = await request(app).get("/").set("Accept", "text/html,*/*;q=0.8");
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "x-content-type-options": "nosniff",
    });
    expect(response.text).toContain("<h1>entrepot</h1>");
    expect(response.text).toContain("docker.io");
    expect(response.text).not.toMatch(/<(script|img|link|iframe)|src=|url\(/);
  });

  test("shows, as text for others, settings under the name the client used", async () => {
    const { app } = new TestRegistry();
    const response = await request(app).get("/").set("Host", "mirror.lan:5000");
    expect(response.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(response.text).toContain(
      '# Docker: /etc/docker/daemon.json\n{\n  "registry-mirrors": [\n    "http://mirror.lan:5000"\n  ],',
    );
    expect(response.text).toContain(
      '[host."http://mirror.lan:5000"]\n  capabilities = ["pull", "resolve"]',
    );
    expect(response.text).toContain(
      '[[registry.mirror]]\nlocation = "mirror.lan:5000/docker.io"\ninsecure = true',
    );
    expect(response.text).toContain("--registry-map=index.docker.io=mirror.lan:5000/docker.io");
    expect(response.text).toContain("curl -sSI http://mirror.lan:5000/v2/");
  });

  test("prefers the configured URL, and calls nothing insecure that has TLS", async () => {
    const registry = new TestRegistry();
    registry.page.publicUrl = "https://hub.example.org/";
    const response = await request(registry.app).get("/").set("Host", "elsewhere");
    expect(response.text).toContain('"registry-mirrors": [\n    "https://hub.example.org"\n  ]');
    expect(response.text).toContain('location = "hub.example.org/docker.io"');
    expect(response.text).not.toMatch(/insecure|elsewhere/);
  });

  test.each(["text/html", "text/plain"])("has each upstream's settings, as %s", async (type) => {
    const registry = new TestRegistry();
    registry.page.upstreams = ["docker.io", "ghcr.io", "*.pkg.dev", "*"];
    const response = await request(registry.app).get("/").set("Accept", type);
    expect(response.text).toContain("docker.io, ghcr.io, *.pkg.dev, any other registry");
    for (const path of [
      "/etc/docker/certs.d/ghcr.io/hosts.toml",
      "/etc/containerd/certs.d/docker.io/hosts.toml",
      "/etc/containerd/certs.d/ghcr.io/hosts.toml",
      "/etc/containerd/certs.d/_default/hosts.toml",
      "/etc/containers/registries.conf.d/entrepot.conf",
      "/etc/rancher/k3s/registries.yaml",
      "/etc/buildkit/buildkitd.toml",
    ]) {
      expect(response.text).toContain(path);
    }
  });

  test("does not offer what only works for Docker Hub where bare names are another's", async () => {
    const registry = new TestRegistry();
    registry.page.upstreams = ["ghcr.io"];
    const response = await request(registry.app).get("/").set("Host", "mirror.lan:5000");
    expect(response.text).not.toMatch(/"registry-mirrors"|hello-world/);
    expect(response.text).toContain("curl -sSI http://mirror.lan:5000/v2/\n");
  });

  test("shows nothing as markup that the configuration says", async () => {
    const registry = new TestRegistry();
    registry.page.upstreams = ["docker.io", "<b>&'x"];
    const response = await request(registry.app).get("/").set("Accept", "text/html");
    expect(response.text).toContain("&#60;b&#62;&#38;&#39;x");
    expect(response.text).not.toContain("<b>");
  });

  test.each(["<script>alert(1)</script>", "a b", "a/b", 'a"b', "a:b", "a".repeat(300)])(
    "does not repeat a Host that is none: %s",
    async (host) => {
      await using server = await new TestRegistry().listen();
      const { port } = server.address;
      using client = await RawClient.connect(port);
      client.socket.write(
        `GET / HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
      );
      await client.closed;
      const page = client.received.toString();
      expect(page).toContain(`http://localhost:${port}`);
      expect(page).not.toContain(`http://${host}`);
    },
  );

  test.each(["[::1]:5000", "10.0.0.7", "mirror_1.lan:80"])("takes the Host %s", async (host) => {
    const response = await request(new TestRegistry().app).get("/").set("Host", host);
    expect(response.text).toContain(`http://${host}`);
  });

  test("answers HEAD as well", async () => {
    const response = await request(new TestRegistry().app).head("/");
    expect(response.status).toBe(200);
    expect(Number(response.headers["content-length"])).toBeGreaterThan(100);
  });
});
