import { createHash } from "node:crypto";
import type { ClientServer } from "./servers.ts";

/**
 * The document of draft-ietf-mailmaint-pacc ("automatic configuration of email, calendar, and contact server
 * settings"): hosts alone, since ports are those of TLS from the start. Undefined where people are served on others.
 * Sending has been called "smtp" in earlier revisions of the draft and "submit" in later ones; what a program
 * does not know it passes over.
 */
export function paccDocument(domain: string, servers: readonly ClientServer[]): string | undefined {
  const hostOf = (wanted: ClientServer["protocol"], usual: number) =>
    servers.find(
      ({ protocol, port, tls }) => protocol === wanted && port === usual && tls === "implicit",
    )?.host;
  const imap = hostOf("imap", 993);
  const pop3 = hostOf("pop3", 995);
  const submit = hostOf("smtp", 465);
  if (submit === undefined || (imap === undefined && pop3 === undefined)) return undefined;
  const document = {
    protocols: {
      ...(imap !== undefined && { imap: { host: imap } }),
      ...(pop3 !== undefined && { pop3: { host: pop3 } }),
      submit: { host: submit },
      smtp: { host: submit },
    },
    authentication: { password: true },
    info: { provider: { name: domain, shortName: domain } },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** What the DNS says of the document, so that a program believes no other one. */
export const paccRecord = (document: string): string =>
  `v=UAAC1; a=sha256; d=${createHash("sha256").update(document).digest("base64")}`;
