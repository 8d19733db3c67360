import { readFile } from "node:fs/promises";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

interface CertificateFiles {
  certificate: string;
  key: string;
}

/** Has signed all that follow. */
export const authorityFile = pathOf("authority.pem");

/** For registry.test and what is below it, localhost and 127.0.0.1. */
export const registryCertificate = filesOf("registry");

/** For the same, until 2021. */
export const expiredCertificate = filesOf("expired");

/** Of a client, CN=mirror.test. */
export const clientCertificate = filesOf("client");

/** As node:tls takes it. */
export async function readCertificate(
  files: CertificateFiles,
): Promise<{ cert: string; key: string }> {
  const [cert, key] = await Promise.all([
    readFile(files.certificate, "utf8"),
    readFile(files.key, "utf8"),
  ]);
  return { cert, key };
}

/** Of the certificate that the other side has shown; undefined: none. */
export function commonName(socket: TLSSocket): string | undefined {
  return nameIn(socket.getPeerCertificate());
}

function nameIn({ subject }: Partial<PeerCertificate>): string | undefined {
  const [name] = [subject?.CN].flat();
  return name;
}

function filesOf(name: string): CertificateFiles {
  return { certificate: pathOf(`${name}.pem`), key: pathOf(`${name}-key.pem`) };
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
