import { binaryFromOctets, CR, concatOctets, LF, textFromBinary } from "../octets.ts";

const COLON = 0x3a;

/** One field of a header (RFC 5322 §2.2) and where its octets are. */
export interface HeaderField {
  /** Lower case. Empty for a line that is no field: it belongs to no name, and is not lost either. */
  readonly name: string;
  /** Offsets into the octets that were parsed; the field ends after its last line end. */
  readonly start: number;
  readonly end: number;
  /** After the colon; the value still has its folds and its line end. */
  readonly valueStart: number;
  /** Name, colon, value and line ends, exactly. */
  readonly raw: Uint8Array;
}

/**
 * The fields of a header, in order, up to its empty line or the end of the octets. Lines end with
 * CRLF or a lone LF. Never throws: what is no field comes with an empty name. Stops after fieldsMax.
 */
export function parseHeader(
  octets: Uint8Array,
  fieldsMax = Number.POSITIVE_INFINITY,
): HeaderField[] {
  const fields: HeaderField[] = [];
  let start = 0;
  while (start < octets.length && fields.length < fieldsMax && !isEmptyLine(octets, start)) {
    const end = endOfField(octets, start);
    fields.push(fieldAt(octets, start, end));
    start = end;
  }
  return fields;
}

/**
 * The octets of BODY[HEADER.FIELDS (names)], or of HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1): the chosen
 * fields exactly as they are, in the order they have, and the empty line where the header has one.
 */
export function selectHeaderFields(
  octets: Uint8Array,
  names: Iterable<string>,
  options: { readonly not?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const wanted = new Set(Array.from(names, (name) => name.toLowerCase()));
  const isExcluding = options.not === true;
  const fields = parseHeader(octets);
  const chosen = fields
    .filter(({ name }) => (name !== "" && wanted.has(name)) !== isExcluding)
    .map(({ raw }) => raw);
  // RFC 9051 §7.5.2: subsetting does not touch the empty line; a message without one gets none.
  const fieldsEnd = fields.at(-1)?.end ?? 0;
  if (fieldsEnd < octets.length)
    chosen.push(octets.subarray(fieldsEnd, endOfLine(octets, fieldsEnd)));
  return concatOctets(chosen);
}

/** The first field of that name, unfolded and trimmed, as text; undefined when there is none. */
export function headerValue(octets: Uint8Array, name: string): string | undefined {
  const wanted = name.toLowerCase();
  const field = parseHeader(octets).find((candidate) => candidate.name === wanted);
  return field && fieldText(octets, field);
}

/** The values of all fields of that name, as headerValue() gives one. */
export function headerValues(octets: Uint8Array, name: string): string[] {
  const wanted = name.toLowerCase();
  return parseHeader(octets)
    .filter((field) => field.name === wanted)
    .map((field) => fieldText(octets, field));
}

/** The value as text: UTF-8 (RFC 6532 §3.2), or one character for each octet where it is not that. */
function fieldText(octets: Uint8Array, field: HeaderField): string {
  return textFromBinary(fieldBinary(octets, field));
}

/** The value unfolded (RFC 5322 §2.2.3) and trimmed, one character for each octet. */
export function fieldBinary(octets: Uint8Array, field: HeaderField): string {
  return trimSpace(
    binaryFromOctets(octets.subarray(field.valueStart, field.end)).replace(/\r?\n/g, ""),
  );
}

function fieldAt(octets: Uint8Array, start: number, end: number): HeaderField {
  const raw = octets.subarray(start, end);
  const colon = raw.indexOf(COLON);
  const name = colon === -1 ? "" : fieldName(raw.subarray(0, colon));
  return { name, start, end, valueStart: start + (name === "" ? 0 : colon + 1), raw };
}

function fieldName(octets: Uint8Array): string {
  let end = octets.length;
  // RFC 5322 §4.5: the obsolete form has white space before the colon.
  while (end > 0 && isSpace(octets[end - 1])) end -= 1;
  for (let at = 0; at < end; at += 1) if (!isNameOctet(octets[at])) return "";
  return binaryFromOctets(octets.subarray(0, end)).toLowerCase();
}

function isNameOctet(octet: number | undefined): boolean {
  return octet !== undefined && octet > 0x20 && octet < 0x7f;
}

function endOfField(octets: Uint8Array, start: number): number {
  let end = endOfLine(octets, start);
  while (end < octets.length && isSpace(octets[end])) end = endOfLine(octets, end);
  return end;
}

function endOfLine(octets: Uint8Array, start: number): number {
  const newline = octets.indexOf(LF, start);
  return newline === -1 ? octets.length : newline + 1;
}

function isEmptyLine(octets: Uint8Array, start: number): boolean {
  return octets[start] === LF || (octets[start] === CR && octets[start + 1] === LF);
}

function isSpace(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09;
}

function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
