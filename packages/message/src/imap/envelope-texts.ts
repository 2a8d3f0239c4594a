import { decodeEncodedWords } from "../header/encoded-words.ts";
import { binaryFromOctets, textFromBinary } from "../octets.ts";

/** The fields of an ENVELOPE, in its order (RFC 3501 §7.4.2). */
const fieldNames = [
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
] as const;

export type EnvelopeField = (typeof fieldNames)[number];

/** One value of the stored list: a string, NIL, or a list. */
type Item = string | undefined | readonly Item[];

const tokenPattern = /[ ()]|NIL|"([^"\\]*(?:\\.[^"\\]*)*)"|\{(\d+)\}\r\n/y;

/** An ENVELOPE as the store keeps it, read back into the texts that SEARCH looks at. */
export class EnvelopeTexts {
  readonly #items: readonly Item[];

  constructor(octets: Uint8Array) {
    this.#items = readList(binaryFromOctets(octets));
  }

  /**
   * What the field says to a reader, in each way it may be written; empty when it is not there. More
   * than one way there is only for names that need quotes: clients send them with and without.
   */
  texts(field: EnvelopeField): readonly string[] {
    const item = this.#items[fieldNames.indexOf(field)];
    if (item === undefined) return [];
    return typeof item === "string" ? [decoded(item)] : addressTexts(item);
  }
}

/** Text has one character an octet here. What cannot be read ends the list: the store writes no such thing. */
function readList(text: string): readonly Item[] {
  const root: Item[] = [];
  const open: Item[][] = [root];
  for (let at = 0; at < text.length; at = tokenPattern.lastIndex) {
    tokenPattern.lastIndex = at;
    const token = tokenPattern.exec(text);
    if (token === null) break;
    const [all, quoted, literalLength] = token;
    const list = open.at(-1) ?? root;
    if (all === "(") {
      const inner: Item[] = [];
      list.push(inner);
      open.push(inner);
    } else if (all === ")") open.pop();
    else if (all === "NIL") list.push(undefined);
    else if (quoted !== undefined) list.push(quoted.replaceAll(/\\(.)/g, "$1"));
    else if (literalLength !== undefined) {
      const start = tokenPattern.lastIndex;
      const end = start + Number(literalLength);
      list.push(text.slice(start, end));
      tokenPattern.lastIndex = end;
    }
  }
  const [envelope] = root;
  return Array.isArray(envelope) ? envelope : [];
}

/** `Ann <ann@example.org>, list: <bob@example.org>;`, and once more with quotes where a name needs them. */
function addressTexts(addresses: readonly Item[]): readonly string[] {
  const plain = addressText(addresses, (name) => name);
  const quoted = addressText(addresses, quotedWhereNeeded);
  return plain === quoted ? [plain] : [plain, quoted];
}

function addressText(addresses: readonly Item[], write: (name: string) => string): string {
  let text = "";
  let separator = "";
  for (const address of addresses) {
    if (!Array.isArray(address)) continue;
    const [name, , local, host] = address as readonly (string | undefined)[];
    if (host !== undefined) {
      const mailbox = decoded(`${local ?? ""}${host === "" ? "" : `@${host}`}`);
      text += `${separator}${name === undefined ? "" : `${write(decoded(name))} `}<${mailbox}>`;
      separator = ", ";
    } else if (local !== undefined) {
      // A group begins with its name, and ends with nothing at all.
      text += `${separator}${write(decoded(local))}: `;
      separator = "";
    } else {
      text += ";";
      separator = ", ";
    }
  }
  return text;
}

/** A phrase is words of RFC 5322 §3.2.3 atext; other characters need quotes. */
const quotedWhereNeeded = (name: string): string =>
  /["(),.:;<>@[\\\]]/.test(name) ? `"${name.replaceAll(/["\\]/g, "\\$&")}"` : name;

/** UTF-8 where it is that, else one character an octet; then encoded words. */
function decoded(binary: string): string {
  return decodeEncodedWords(textFromBinary(binary));
}
