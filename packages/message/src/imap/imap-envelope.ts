import { type Address, type Mailbox, parseAddressList } from "../header/address-list.ts";
import { fieldBinary, parseHeader } from "../header/header-fields.ts";
import { headerFieldsMax } from "../limits.ts";
import { octetsFromBinary } from "../octets.ts";
import { imapNString, imapString } from "./imap-string.ts";

/**
 * The ENVELOPE list of a message, ready to be sent (RFC 9051 §7.5.2). Encoded words and 8-bit octets
 * are passed on as they stand: the client decodes them.
 */
export function imapEnvelope(header: Uint8Array): Uint8Array<ArrayBuffer> {
  const values = valuesByName(header);
  const first = (name: string): string => imapNString(values.get(name)?.[0]);
  const from = addresses(values.get("from"));
  const orFrom = (name: string): string => {
    const list = addresses(values.get(name));
    return list === "NIL" ? from : list;
  };
  const items = [
    first("date"),
    first("subject"),
    from,
    orFrom("sender"),
    orFrom("reply-to"),
    addresses(values.get("to")),
    addresses(values.get("cc")),
    addresses(values.get("bcc")),
    first("in-reply-to"),
    first("message-id"),
  ];
  return octetsFromBinary(`(${items.join(" ")})`);
}

const envelopeFields = new Set([
  "date",
  "subject",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "in-reply-to",
  "message-id",
]);

function valuesByName(header: Uint8Array): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const field of parseHeader(header, headerFieldsMax)) {
    if (!envelopeFields.has(field.name)) continue;
    const value = fieldBinary(header, field);
    const others = values.get(field.name);
    if (others === undefined) values.set(field.name, [value]);
    else others.push(value);
  }
  return values;
}

/** RFC 5322 §4.5: fields of the same name are read as one list. */
function addresses(values: readonly string[] | undefined): string {
  const list = (values ?? []).flatMap(parseAddressList).map(addressStructure).join("");
  return list === "" ? "NIL" : `(${list})`;
}

function addressStructure(address: Address): string {
  if (address.kind === "mailbox") return mailboxStructure(address);
  // A group begins with its name and no host, and ends with neither.
  const members = address.members.map(mailboxStructure).join("");
  return `(NIL NIL ${imapString(address.name)} NIL)${members}(NIL NIL NIL NIL)`;
}

/** A host that is not there is "", since NIL would say that a group begins. */
function mailboxStructure({ name, route, localPart, domain }: Mailbox): string {
  return `(${imapNString(name)} ${imapNString(route)} ${imapString(localPart)} ${imapString(domain)})`;
}
