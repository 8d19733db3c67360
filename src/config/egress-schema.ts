import { createPrivateKey, X509Certificate } from "node:crypto";
import { z } from "zod";
import { parseAddress } from "./address-block.ts";
import { certificateFile, privateKeyFile } from "./file-values.ts";
import { parseHost } from "./host.ts";
import { parseNoProxyEntry } from "./no-proxy.ts";
import { parseProxyUrl } from "./proxy-url.ts";
import { isTree } from "./tree.ts";
import { oneOf, parsed } from "./values.ts";

const proxyChoice = parsed(
  (written) => (written === "direct" ? written : parseProxyUrl(written)),
  "is not a proxy; write direct, or a URL with http, https or socks5, host and port, such as socks5://127.0.0.1:1080",
);

const proxy = z.union([
  proxyChoice.transform((choice) => ({ registry: choice, token: choice, content: choice })),
  z.strictObject({
    registry: proxyChoice.optional(),
    token: proxyChoice.optional(),
    content: proxyChoice.optional(),
  }),
]);

const noProxyEntry = parsed(
  parseNoProxyEntry,
  "is neither host, suffix, address nor CIDR block; write one such as registry.corp, .corp.example, 10.1.2.3 or 10.0.0.0/8",
);

const tls = z
  .strictObject({
    caFile: certificateFile.optional(),
    certFile: certificateFile.optional(),
    keyFile: privateKeyFile.optional(),
  })
  .superRefine(checkPair, { when: () => true })
  .refine(
    ({ certFile, keyFile }) => !certFile || !keyFile || isPair(certFile.pem, keyFile.pem),
    "has a keyFile that does not belong to certFile",
  );

const address = parsed(
  parseAddress,
  "is not an IP address; write one such as 203.0.113.7 or 2001:db8::7",
);

const resolve = z.record(z.string(), address).superRefine(checkResolvedHosts, { when: () => true });

/** How something is reached: of an endpoint or, for all of its endpoints, of an upstream. */
export const egressKeys = {
  proxy: proxy.optional(),
  noProxy: z.array(noProxyEntry).optional(),
  tls: tls.optional(),
  resolve: resolve.optional(),
  addressFamily: oneOf(["auto", "ipv4", "ipv6"]).optional(),
};

const egress = z.object(egressKeys);

export type EgressSettings = z.output<typeof egress>;

function checkPair(value: unknown, context: z.RefinementCtx): void {
  if (!isTree(value)) return;
  const isHalf = (value["certFile"] === undefined) !== (value["keyFile"] === undefined);
  if (isHalf) context.addIssue("need both certFile and keyFile, or none of them");
}

function isPair(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

function checkResolvedHosts(value: unknown, context: z.RefinementCtx): void {
  for (const host of isTree(value) ? Object.keys(value) : []) {
    if (parseHost(host) !== undefined && !host.includes(":")) continue;
    const shown = JSON.stringify(host);
    context.addIssue(
      `has a key ${shown}, which is not a host; write it in lower case and without a port`,
    );
  }
}
