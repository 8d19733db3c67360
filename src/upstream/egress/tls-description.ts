import type { PeerCertificate, TLSSocket } from "node:tls";

export interface TlsDescription {
  /** `TLSv1.3` */
  protocol: string;
  /** Empty where the certificate names none. */
  subject: string;
  issuer: string;
  /** Milliseconds since 1970; NaN where a session was taken up without its certificate. */
  validTo: number;
}

export function describeTls(socket: TLSSocket): TlsDescription {
  return { protocol: socket.getProtocol() ?? "", ...namesOf(socket.getPeerCertificate()) };
}

function namesOf({ subject, subjectaltname, issuer, valid_to }: Partial<PeerCertificate>) {
  return {
    // Newer certificates often have no subject but alternative names.
    subject: nameOf(subject) || (subjectaltname ?? ""),
    issuer: nameOf(issuer),
    validTo: Date.parse(valid_to ?? ""),
  };
}

function nameOf({ O, CN }: Partial<PeerCertificate["subject"]> = {}): string {
  return [O, CN].filter((part) => part !== undefined).join(", ");
}
