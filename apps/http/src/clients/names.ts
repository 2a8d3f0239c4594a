import { domainToASCII } from "node:url";

/** A domain as it is written in requests, in A-labels and lower case; undefined for anything else. */
export function domainOf(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 253) return undefined;
  const ascii = domainToASCII(text.replace(/\.$/, ""));
  // domainToASCII() takes more than host names: what is left must be labels of RFC 1123 §2.1.
  const isName =
    /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;
  return isName.test(ascii) ? ascii : undefined;
}

/** The domain of a Host field, without its port. Whatever it says, it is only ever looked up or compared. */
export const domainOfHost = (host: string | undefined): string | undefined =>
  domainOf(host?.replace(/:\d{1,5}$/, ""));

/** An address that somebody set up a mail program with. Quoted local parts are nothing that these programs send. */
export function addressOf(
  text: string | null | undefined,
): { readonly address: string; readonly domain: string } | undefined {
  const [, localPart, domainText] =
    /^([^\s@<>"\p{Cc}]{1,64})@([^@]{1,253})$/u.exec(text ?? "") ?? [];
  const domain = domainOf(domainText);
  return localPart === undefined || domain === undefined
    ? undefined
    : { address: `${localPart}@${domain}`, domain };
}
