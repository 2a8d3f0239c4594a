import { domainToASCII } from "node:url";
import type { EnvelopeRecipient } from "@posthouse/smtp/envelope";

/**
 * Where a recipient's mail goes, as the key that deliveries are grouped by: ":local" for accounts
 * here, else the domain in lower case and A-label form (RFC 5890), or an address literal.
 */
export type Destination = string & { readonly [destination]: true };
declare const destination: unique symbol;

/** No domain has a colon. */
export const LOCAL = ":local" as Destination;

/** An address without a domain, or with one that is none, is a destination too: it fails there. */
export function destinationOf({ address, isLocal }: EnvelopeRecipient): Destination {
  if (isLocal) return LOCAL;
  const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  if (domain.startsWith("[")) return domain as Destination;
  const withoutRoot = domain.replace(/\.$/u, "");
  return (domainToASCII(withoutRoot) || withoutRoot) as Destination;
}
