import {
  headerFieldsMax,
  referencesBytesMax,
  referencesMax,
  sortTextCharactersMax,
} from "../limits.ts";
import { textFromBinary } from "../octets.ts";
import { type Address, parseAddressList } from "./address-list.ts";
import { splitSubject } from "./base-subject.ts";
import { parseDate } from "./date-time.ts";
import { decodeEncodedWords } from "./encoded-words.ts";
import { fieldBinary, parseHeader } from "./header-fields.ts";
import { parseMessageIds } from "./message-ids.ts";
import { unicodeCasemap } from "./unicode-casemap.ts";

/**
 * What SORT and THREAD compare of one message (RFC 5256 §2 and §3). Texts are keys of unicodeCasemap(),
 * empty where there is nothing.
 */
export interface SortFields {
  /** The Date field, ms since the epoch in UTC; undefined where INTERNALDATE takes its place (§2.2). */
  readonly sentMs: number | undefined;
  /** The base subject (§2.1). */
  readonly subject: string;
  /** The subject says that it is a reply or a forward. */
  readonly isReply: boolean;
  /** addr-mailbox of the first address: its local part, or the name of a group. */
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  /** What is shown of the first address (RFC 5957): its name, else the address. */
  readonly displayFrom: string;
  readonly displayTo: string;
  readonly messageId: string | undefined;
  /** Of References, else the first of In-Reply-To; oldest first (RFC 5256 §3, REFERENCES). */
  readonly references: readonly string[];
}

/** Reads them from a header. Never throws. */
export function sortFields(header: Uint8Array): SortFields {
  const values = firstValues(header);
  const subject = splitSubject(textFromBinary(values.get("subject") ?? ""));
  const from = firstAddress(values.get("from"));
  const to = firstAddress(values.get("to"));
  return {
    sentMs: parseDate(values.get("date") ?? ""),
    subject: keyOf(subject.text),
    isReply: subject.isReply,
    from: keyOf(addrMailbox(from)),
    to: keyOf(addrMailbox(to)),
    cc: keyOf(addrMailbox(firstAddress(values.get("cc")))),
    displayFrom: keyOf(displayed(from)),
    displayTo: keyOf(displayed(to)),
    messageId: parseMessageIds(values.get("message-id") ?? "")[0],
    references: references(values),
  };
}

const readFields = new Set([
  "date",
  "subject",
  "from",
  "to",
  "cc",
  "message-id",
  "in-reply-to",
  "references",
]);

/** One character for each octet. Of several fields of a name the first counts, as in ENVELOPE. */
function firstValues(header: Uint8Array): Map<string, string> {
  const values = new Map<string, string>();
  for (const field of parseHeader(header, headerFieldsMax)) {
    if (!readFields.has(field.name) || values.has(field.name)) continue;
    values.set(field.name, fieldBinary(header, field));
  }
  return values;
}

function references(values: ReadonlyMap<string, string>): readonly string[] {
  const value = values.get("references") ?? "";
  // The last is the parent, and those before it are its ancestors: the first are of the least use.
  const ids = parseMessageIds(value.slice(-referencesBytesMax));
  if (ids.length > 0) return ids.slice(-referencesMax);
  return parseMessageIds(values.get("in-reply-to") ?? "").slice(0, 1);
}

/** Long lists are common in To, and only their beginning is asked for. */
const firstAddressCharacters = 4_096;

function firstAddress(value: string | undefined): Address | undefined {
  return value === undefined
    ? undefined
    : parseAddressList(value.slice(0, firstAddressCharacters))[0];
}

function addrMailbox(address: Address | undefined): string {
  if (address === undefined) return "";
  return textFromBinary(address.kind === "group" ? address.name : address.localPart);
}

/** RFC 5957: the decoded name where it is not empty; a group has only its name. */
function displayed(address: Address | undefined): string {
  if (address === undefined) return "";
  const name = decodeEncodedWords(textFromBinary(address.name ?? "")).trim();
  if (name !== "" || address.kind === "group") return name;
  const { localPart, domain } = address;
  return textFromBinary(domain === "" ? localPart : `${localPart}@${domain}`);
}

function keyOf(text: string): string {
  return unicodeCasemap(text.slice(0, sortTextCharactersMax)).slice(0, sortTextCharactersMax);
}
