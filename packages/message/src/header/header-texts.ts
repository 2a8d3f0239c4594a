import { binaryFromOctets, textFromBinary } from "../octets.ts";
import { decodeEncodedWords } from "./encoded-words.ts";
import { fieldBinary, parseHeader } from "./header-fields.ts";
import { parseParameterised } from "./parameters.ts";

/** What a field says to a reader. */
export interface HeaderText {
  /** As it is written; empty for a line that is no field. */
  readonly name: string;
  /** All after the colon, unfolded and decoded (RFC 2047, RFC 6532); of a line that is no field all of it. */
  readonly text: string;
}

/**
 * The fields of a header as texts to search in. A field whose parameters are encoded (RFC 2231) comes once
 * more, with these decoded.
 */
export function* headerTexts(octets: Uint8Array): Generator<HeaderText> {
  for (const field of parseHeader(octets)) {
    const { name, start, valueStart, end } = field;
    const binary = binaryFromOctets(octets.subarray(valueStart, end)).replaceAll(/\r?\n/g, "");
    const text = decodeEncodedWords(textFromBinary(binary));
    const nameAsIs = binaryFromOctets(octets.subarray(start, start + name.length));
    yield { name: name === "" ? "" : nameAsIs, text };
    if (name.startsWith("content-") && binary.includes("*")) {
      yield* decodedParameters(nameAsIs, fieldBinary(octets, field));
    }
  }
}

function* decodedParameters(name: string, binary: string): Generator<HeaderText> {
  const { value, parameters } = parseParameterised(binary);
  const decoded = parameters.filter(([parameter]) => parameter.endsWith("*"));
  if (decoded.length === 0) return;
  const texts = decoded.map(([parameter, text]) => `${parameter.slice(0, -1)}="${text}"`);
  yield { name, text: ` ${[value, ...texts].join("; ")}` };
}
