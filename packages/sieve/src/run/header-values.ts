import { decodeEncodedWords, type HeaderField, headerValue, parseHeader } from "@posthouse/message";

/** One field of a header that a script may change. */
export interface ScriptField {
  /** Lower case; empty for a line that is no field. */
  readonly name: string;
  readonly raw: Uint8Array;
}

export const fieldsOf = (header: Uint8Array): ScriptField[] =>
  parseHeader(header).map(({ name, raw }: HeaderField) => ({ name, raw }));

/** The value unfolded and trimmed, encoded words as they are: for addresses and dates. */
export function rawValue(field: ScriptField): string {
  return headerValue(field.raw, field.name) ?? "";
}

/** The value as a reader sees it (RFC 5228 §2.7.2). */
export function decodedValue(field: ScriptField): string {
  const value = rawValue(field);
  return value.includes("=?") ? decodeEncodedWords(value).trim() : value;
}
