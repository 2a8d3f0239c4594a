import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";
import { formatAstring } from "./strings.ts";

/** What FETCH is asked for, RFC 3501 §6.4.5. */
export type FetchAttribute =
  | { readonly kind: "column"; readonly name: ColumnAttribute }
  | { readonly kind: "summary"; readonly name: SummaryAttribute }
  | SectionAttribute
  | BinaryAttribute
  | BinarySizeAttribute
  | PreviewAttribute;

/** Stands in the columns of the open mailbox. */
export type ColumnAttribute =
  | "FLAGS"
  | "INTERNALDATE"
  | "MODSEQ"
  | "RFC822.SIZE"
  | "SAVEDATE"
  | "UID";
/** Stands in the store's index, ready to be sent. */
export type SummaryAttribute = "ENVELOPE" | "BODY" | "BODYSTRUCTURE" | "EMAILID" | "THREADID";

/** Which octets of a message. */
export interface SectionOf {
  readonly section: Section;
  readonly partial?: Partial;
}

/** Octets of the message itself. */
export interface SectionAttribute extends SectionOf {
  readonly kind: "section";
  /** What stands before the octets in the answer: `BODY[TEXT]<0>`. */
  readonly label: string;
  /** Does not set \Seen. */
  readonly isPeek: boolean;
}

/** Octets of a part without its transfer encoding: RFC 3516 §4.2. */
export interface BinaryAttribute {
  readonly kind: "binary";
  readonly label: string;
  readonly part: readonly number[];
  readonly partial?: Partial;
  readonly isPeek: boolean;
}

/** How many octets those are. */
export interface BinarySizeAttribute {
  readonly kind: "binary-size";
  readonly label: string;
  readonly part: readonly number[];
}

/** The first words: RFC 8970. */
export interface PreviewAttribute {
  readonly kind: "preview";
  /** NIL rather than a delay. */
  readonly isLazy: boolean;
}

/** `1.2.HEADER.FIELDS (Date From)` as part numbers and what of that part; neither is the whole message. */
export interface Section {
  readonly part: readonly number[];
  readonly text?: "HEADER" | "TEXT" | "MIME" | HeaderFields;
}

export interface HeaderFields {
  readonly names: readonly string[];
  /** HEADER.FIELDS.NOT: all but these. */
  readonly isNot: boolean;
}

/** `<0.2048>`. */
export interface Partial {
  readonly start: number;
  readonly length: number;
}

const column = (name: ColumnAttribute): FetchAttribute => ({ kind: "column", name });
const summary = (name: SummaryAttribute): FetchAttribute => ({ kind: "summary", name });
const whole = (label: string, section: Section, isPeek: boolean): FetchAttribute => ({
  kind: "section",
  label,
  section,
  isPeek,
});

/** Every item without an argument. */
const attributes: ReadonlyMap<string, FetchAttribute> = new Map([
  ["FLAGS", column("FLAGS")],
  ["INTERNALDATE", column("INTERNALDATE")],
  ["MODSEQ", column("MODSEQ")], // RFC 7162 §3.1.4.2
  ["RFC822.SIZE", column("RFC822.SIZE")],
  ["UID", column("UID")],
  ["SAVEDATE", column("SAVEDATE")], // RFC 8514
  ["EMAILID", summary("EMAILID")], // RFC 8474
  ["THREADID", summary("THREADID")],
  ["ENVELOPE", summary("ENVELOPE")],
  ["BODY", summary("BODY")],
  ["BODYSTRUCTURE", summary("BODYSTRUCTURE")],
  ["RFC822", whole("RFC822", { part: [] }, false)],
  ["RFC822.HEADER", whole("RFC822.HEADER", { part: [], text: "HEADER" }, true)],
  ["RFC822.TEXT", whole("RFC822.TEXT", { part: [], text: "TEXT" }, false)],
  // Of the first IMAP4; Outlook still asks so, and looks for the answer under the other name.
  ["RFC822.PEEK", whole("RFC822", { part: [] }, true)],
  ["RFC822.TEXT.PEEK", whole("RFC822.TEXT", { part: [], text: "TEXT" }, true)],
]);

/** Stand alone, never in a list (RFC 3501 §6.4.5). */
const macros: ReadonlyMap<string, readonly string[]> = new Map([
  ["FAST", ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]],
  ["ALL", ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"]],
  ["FULL", ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"]],
]);

/** `FLAGS`, `FAST`, `(UID BODY.PEEK[1.MIME]<0.100>)`. */
export function readFetchAttributes(args: CommandReader): readonly FetchAttribute[] {
  if (args.peek() === "(") {
    return args.parenthesised(() => readAttribute(args, args.keyword()), {
      min: 1,
      max: limits.fetchAttributesMax,
    });
  }
  const name = args.keyword();
  const macro = macros.get(name);
  if (macro === undefined) return [readAttribute(args, name)];
  return macro.map((item) => attributes.get(item) as FetchAttribute);
}

/** An atom may hold `[`, so the name of BODY[ comes with the beginning of its section. */
function readAttribute(args: CommandReader, atom: string): FetchAttribute {
  const opening = atom.indexOf("[");
  if (atom.startsWith("BINARY")) return readBinaryAttribute(args, atom, opening);
  if (atom === "PREVIEW") return readPreview(args);
  if (opening !== -1) return readSectionAttribute(args, atom, opening);
  const attribute = attributes.get(atom);
  if (attribute === undefined) throw bad(`Unknown FETCH item ${atom.slice(0, 40)}`);
  return attribute;
}

function readSectionAttribute(
  args: CommandReader,
  atom: string,
  opening: number,
): SectionAttribute {
  const name = atom.slice(0, opening);
  if (name !== "BODY" && name !== "BODY.PEEK") {
    throw bad(`Unknown FETCH item ${name.slice(0, 40)}[`);
  }
  const section = readSection(args, atom.slice(opening + 1));
  if (!args.take("]")) throw args.expected('"]"');
  const partial = readPartial(args);
  const origin = partial === undefined ? "" : `<${partial.start}>`;
  return {
    kind: "section",
    label: `BODY[${formatSection(section)}]${origin}`,
    section,
    ...(partial !== undefined && { partial }),
    isPeek: name === "BODY.PEEK",
  };
}

/** `BINARY[1.2]<0.100>`, `BINARY.PEEK[1]`, `BINARY.SIZE[1]`: RFC 3516 §7. */
function readBinaryAttribute(args: CommandReader, atom: string, opening: number): FetchAttribute {
  const name = opening === -1 ? atom : atom.slice(0, opening);
  if (opening === -1 || !/^BINARY(?:\.PEEK|\.SIZE)?$/.test(name)) {
    throw bad(`Unknown FETCH item ${atom.slice(0, 40)}`);
  }
  const { part, text } = readSection(args, atom.slice(opening + 1));
  if (text !== undefined) throw bad("BINARY takes part numbers only");
  if (!args.take("]")) throw args.expected('"]"');
  const numbers = part.join(".");
  if (name === "BINARY.SIZE")
    return { kind: "binary-size", label: `BINARY.SIZE[${numbers}]`, part };
  const partial = readPartial(args);
  const origin = partial === undefined ? "" : `<${partial.start}>`;
  return {
    kind: "binary",
    label: `BINARY[${numbers}]${origin}`,
    part,
    ...(partial !== undefined && { partial }),
    isPeek: name === "BINARY.PEEK",
  };
}

/** `PREVIEW`, `PREVIEW (LAZY)`: RFC 8970 §6. */
function readPreview(args: CommandReader): PreviewAttribute {
  // What stands in other parentheses is a modifier of the FETCH.
  if (!args.take(" (LAZY")) return { kind: "preview", isLazy: false };
  if (!args.take(")")) throw args.expected('")"');
  return { kind: "preview", isLazy: true };
}

/** section-spec: `text` is what stands before the `]` or the SP of a list of header names. */
export function readSection(args: CommandReader, text: string): Section {
  const match = /^((?:[1-9]\d{0,9}(?:\.|$))*)([A-Z.]*)$/.exec(text);
  const [, numbers = "", word = ""] = match ?? [];
  const endsInDot = numbers.endsWith(".");
  // "1." names nothing, and neither does ".TEXT"
  if (match === null || endsInDot !== (numbers !== "" && word !== "")) {
    throw bad(`Unknown section "${text.slice(0, 40)}"`);
  }
  const part = numbers.split(".").filter(Boolean).map(Number);
  if (part.length > limits.sectionDepthMax) {
    throw bad(`A section has more than ${limits.sectionDepthMax} numbers`, "LIMIT");
  }
  return word === "" ? { part } : { part, text: readSectionText(args, part, word) };
}

function readSectionText(
  args: CommandReader,
  part: readonly number[],
  word: string,
): NonNullable<Section["text"]> {
  switch (word) {
    case "HEADER":
    case "TEXT":
      return word;
    case "MIME":
      // The message itself has a header, a part has MIME fields (RFC 3501 §6.4.5).
      if (part.length === 0) throw bad("MIME needs a part number");
      return word;
    case "HEADER.FIELDS":
    case "HEADER.FIELDS.NOT":
      args.sp();
      return {
        names: args.parenthesised(() => readFieldName(args), {
          min: 1,
          max: limits.headerFieldNamesMax,
        }),
        isNot: word === "HEADER.FIELDS.NOT",
      };
    default:
      throw bad(`Unknown section "${word.slice(0, 40)}"`);
  }
}

/** Printable ASCII only, since the answer repeats it: there is no other header field (RFC 5322 §2.2). */
function readFieldName(args: CommandReader): string {
  const name = args.astring();
  if (!/^[\x20-\x7e]+$/.test(name)) throw bad("That is not the name of a header field");
  return name;
}

function readPartial(args: CommandReader): Partial | undefined {
  if (!args.take("<")) return undefined;
  const start = args.number64();
  if (!args.take(".")) throw args.expected('"."');
  const length = args.number64();
  if (length === 0) throw bad("Expected a number above zero");
  if (!args.take(">")) throw args.expected('">"');
  return { start, length };
}

function formatSection({ part, text }: Section): string {
  const word =
    typeof text === "object"
      ? `HEADER.FIELDS${text.isNot ? ".NOT" : ""} (${text.names.map(formatAstring).join(" ")})`
      : text;
  return [...part, ...(word === undefined ? [] : [word])].join(".");
}
