import { describe, expect, test } from "@jest/globals";
import { announce, formatBanner } from "../../../src/cli/banner.ts";
import { loadText } from "../config/load-from-text.ts";

async function makeBanner(url: string, text = ""): Promise<string> {
  const { config } = await loadText(text);
  return formatBanner(announce(config, url));
}

describe("the banner", () => {
  test("says where the mirror listens, where it stores, what it mirrors, and how to stop it", async () => {
    const banner = await makeBanner("http://127.0.0.1:5000", "storage: { path: /var/cache/blobs }");
    expect(banner).toContain("http://127.0.0.1:5000\n");
    expect(banner).toContain("/var/cache/blobs\n");
    expect(banner).toContain("docker.io (https://registry-1.docker.io)");
    expect(banner).toContain('{ "registry-mirrors": ["http://127.0.0.1:5000"] }');
    expect(banner).not.toContain("on other hosts");
    expect(banner.split("\n").at(-1)).toMatch(/^Stop with Ctrl-C/);
  });

  test.each(["http://0.0.0.0:5005", "http://[::]:5005"])(
    "shows %s as localhost, and what to write on other hosts",
    async (url) => {
      const banner = await makeBanner(url);
      expect(banner).toContain('{ "registry-mirrors": ["http://localhost:5005"] }');
      expect(banner).toContain(
        "(on other hosts: this machine's name or address instead of localhost)",
      );
    },
  );

  test("shows the public URL where there is one", async () => {
    const settings = "server: { publicUrl: https://mirror.example.com }";
    const banner = await makeBanner("http://0.0.0.0:5000", settings);
    expect(banner).toContain('{ "registry-mirrors": ["https://mirror.example.com"] }');
    expect(banner).not.toContain("on other hosts");
  });

  test("says where the settings of all clients are", async () => {
    const banner = await makeBanner("http://0.0.0.0:5000");
    expect(banner).toContain("http://localhost:5000/, or entrepot setup --help");
  });

  test("has nothing for Docker where bare names are not Docker Hub's", async () => {
    const banner = await makeBanner("http://0.0.0.0:5000", "defaultUpstream: quay.io");
    expect(banner).not.toContain("registry-mirrors");
  });
});
