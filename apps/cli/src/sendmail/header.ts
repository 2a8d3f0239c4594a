import {
  type Address,
  formatMailbox,
  type HeaderField,
  headerValue,
  type Mailbox,
  parseAddressList,
  parseHeader,
} from "@posthouse/message";
import { withoutFields } from "@posthouse/smtp";

const addressFields = new Set([
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "resent-from",
  "resent-sender",
  "resent-to",
  "resent-cc",
  "resent-bcc",
]);

export interface Author {
  readonly fullName: string | undefined;
  readonly address: string;
}

/**
 * The header as it leaves this machine: names alone, as cron writes `To: root`, get the domain; From is
 * added when it is not there; Bcc goes (RFC 5322 §3.6.3). All else stays as it is.
 */
export function completeHeader(header: Buffer, domain: string, author: Author): Buffer {
  const open = withoutFields(header, ["bcc", "resent-bcc"]);
  const fields = parseHeader(open);
  const pieces = fields.map((field) =>
    addressFields.has(field.name) ? withDomain(field, domain) : field.raw,
  );
  const hasAuthor = author.address === "" || fields.some(({ name }) => name === "from");
  if (!hasAuthor)
    pieces.unshift(Buffer.from(`From: ${named(author.fullName, author.address)}\r\n`));
  return Buffer.concat(pieces);
}

/** Whom -t sends to: To, Cc and Bcc, or of a message sent on once more (RFC 5322 §3.6.6) those of its Resent fields. */
export function recipientsInHeader(header: Buffer, domain: string): readonly string[] {
  const fields = parseHeader(header);
  const isResent = fields.some(({ name }) => /^resent-(?:to|cc|bcc)$/.test(name));
  const wanted = ["to", "cc", "bcc"].map((name) => (isResent ? `resent-${name}` : name));
  return fields
    .filter(({ name }) => wanted.includes(name))
    .flatMap((field) => recipientsIn(valueIn(field), domain));
}

/** The addresses of a list, as a field or an argument has it; what is no address is left out. */
export const recipientsIn = (list: string, domain: string): readonly string[] =>
  parseAddressList(list)
    .flatMap((one) => (one.kind === "group" ? one.members : [one]))
    .filter(({ localPart }) => localPart !== "")
    .map((mailbox) => addressOf(mailbox, domain));

const valueIn = ({ raw, name }: HeaderField): string => headerValue(raw, name) ?? "";

/** The field itself when every address in it has a domain. */
function withDomain(field: HeaderField, domain: string): Uint8Array {
  const addresses = parseAddressList(valueIn(field));
  if (!addresses.some(lacksDomain)) return field.raw;
  const { raw, start, valueStart } = field;
  const name = Buffer.from(raw.subarray(0, valueStart - start)).toString("latin1");
  const written = addresses.map((address) => addressText(address, domain));
  return Buffer.from(`${name} ${written.join(",\r\n\t")}\r\n`);
}

const lacksDomain = (address: Address): boolean =>
  address.kind === "group"
    ? address.members.some(lacksDomain)
    : address.localPart !== "" && address.domain === "";

function addressText(address: Address, domain: string): string {
  if (address.kind === "mailbox") return named(address.name, addressOf(address, domain));
  const members = address.members.map((member) => addressText(member, domain));
  return `${phrase(address.name)}: ${members.join(",\r\n\t")};`;
}

const addressOf = ({ localPart, domain }: Mailbox, otherwise: string): string =>
  localPart === "" ? "" : formatMailbox({ localPart, domain: domain === "" ? otherwise : domain });

function named(name: string | undefined, address: string): string {
  if (name === undefined || name.trim() === "") return address;
  // Text that is no address at all is kept, for a reader to see.
  return address === "" ? phrase(name) : `${phrase(name)} <${address}>`;
}

/** RFC 5322 §3.2.5: words of atoms, UTF-8 (RFC 6532 §3.2) and encoded words, or a quoted string. */
function phrase(name: string): string {
  const line = name.replace(/\p{Cc}+/gu, " ").trim();
  if (/^[\w!#$%&'*+/=?^`{|}~\u00a0-\u{10ffff} -]+$/u.test(line)) return line;
  return `"${line.replace(/["\\]/g, "\\$&")}"`;
}
