import { DirectoryError } from "../directory-error.ts";
import { limits } from "../limits.ts";
import { normaliseDomain } from "./domain-name.ts";

/** An address of ours in the form that is compared and kept. */
export interface Address {
  /** Lower case, NFC, unquoted; empty only for a catch-all. */
  readonly localPart: string;
  /** Lower case, A-labels. */
  readonly domain: string;
}

export function formatAddress({ localPart, domain }: Address): string {
  return `${localPart}@${domain}`;
}

/**
 * Takes apart what somebody wrote as an address, without judging the local part. The domain is undefined
 * where there is none (`postmaster`) or it is no domain name (`ann@[192.0.2.1]`): `hasDomain` tells which.
 */
export function splitAddress(text: string): {
  readonly rawLocalPart: string;
  readonly localPart: string;
  readonly domain: string | undefined;
  readonly hasDomain: boolean;
} {
  const at = text.lastIndexOf("@");
  const rawLocalPart = at === -1 ? text : text.slice(0, at);
  return {
    rawLocalPart,
    localPart: normaliseLocalPart(rawLocalPart),
    domain: at === -1 ? undefined : normaliseDomain(text.slice(at + 1)),
    hasDomain: at !== -1,
  };
}

/**
 * An address that an account or alias of ours can have.
 *
 * @throws DirectoryError "bad-address"
 */
export function parseOwnAddress(text: string): Address {
  const { localPart, domain, hasDomain } = splitAddress(text);
  if (!hasDomain) throw bad(`"${shown(text)}" is not an address; write it as name@domain`);
  if (domain === undefined) throw bad(`"${shown(text)}" has no valid domain after the "@"`);
  if (!isDotString(localPart)) {
    throw bad(
      `"${shown(text)}" cannot be an address here: before the "@" are letters, digits and !#$%&'*+-/=?^_\`{|}~ allowed, single dots between them, and ${limits.localPartBytesMax} octets at most`,
    );
  }
  return { localPart, domain };
}

/** @throws DirectoryError "bad-address" */
export function parseOwnDomain(text: string): string {
  const domain = normaliseDomain(text);
  if (domain === undefined) {
    throw bad(`"${shown(text)}" is not a domain name; write it as example.org`);
  }
  return domain;
}

/**
 * Local parts are compared without regard to case (design: ours are), and a quoted one is the same as
 * its unquoted form (RFC 5321 §4.1.2). NFC last: lower case can undo it.
 */
export function normaliseLocalPart(text: string): string {
  return unquote(text).normalize("NFC").toLowerCase().normalize("NFC");
}

function unquote(text: string): string {
  const [, content] = /^"((?:[^"\\]|\\.)*)"$/su.exec(text) ?? [];
  return content === undefined ? text : content.replaceAll(/\\(.)/gsu, "$1");
}

/** Dot-string of RFC 5321 §4.1.2, with the UTF-8 of RFC 6531 §3.3 as far as it can be seen. */
function isDotString(localPart: string): boolean {
  const atoms = localPart.split(".");
  return (
    Buffer.byteLength(localPart) <= limits.localPartBytesMax &&
    atoms.every((atom) => /^(?:[-\w!#$%&'*+/=?^`{|}~]|[^\p{ASCII}\p{C}\p{Z}])+$/u.test(atom))
  );
}

/** What is put into a message: short, and nothing that a terminal would act on. */
export function shown(text: string): string {
  const visible = text.replaceAll(/\p{C}/gu, "?");
  return visible.length > 120 ? `${visible.slice(0, 120)}…` : visible;
}

function bad(message: string): DirectoryError {
  return new DirectoryError("bad-address", message);
}
