import { Base64Decoder } from "../base64.ts";
import { concatOctets, octetsFromBinary, octetsFromText } from "../octets.ts";
import { decodeCharset } from "./charset.ts";

/** Charset (a language after its asterisk, RFC 2231 §5, is dropped), encoding, encoded text. */
const encodedWord = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

interface EncodedRun {
  readonly charset: string;
  readonly octets: Uint8Array[];
}

/**
 * Text with its encoded words decoded (RFC 2047). White space between two of them is dropped (§6.2).
 * Neighbours in one charset are decoded as one: many senders split characters between words. What
 * is no encoded word stays as it is; never throws.
 */
export function decodeEncodedWords(text: string): string {
  let decoded = "";
  let run: EncodedRun | undefined;
  let end = 0;
  const flush = (): void => {
    if (run !== undefined) decoded += decodeCharset(concatOctets(run.octets), run.charset);
    run = undefined;
  };
  for (const match of text.matchAll(encodedWord)) {
    const [whole, charsetName = "", encoding = "", encoded = ""] = match;
    const charset = charsetName.toLowerCase();
    const between = text.slice(end, match.index);
    const isNeighbour = run !== undefined && /^\s*$/.test(between);
    if (!isNeighbour || run?.charset !== charset) flush();
    if (!isNeighbour) decoded += between;
    run ??= { charset, octets: [] };
    run.octets.push(encoding.toLowerCase() === "b" ? decodeB(encoded) : decodeQ(encoded));
    end = match.index + whole.length;
  }
  flush();
  return decoded + text.slice(end);
}

function decodeB(encoded: string): Uint8Array {
  return new Base64Decoder().push(octetsFromText(encoded));
}

/** RFC 2047 §4.2. */
function decodeQ(encoded: string): Uint8Array {
  const binary = unescapeHex(encoded.replaceAll("_", " "));
  // Raw text beyond octets, where a sender put it in unencoded, can only be kept as UTF-8.
  return /[^\0-\xff]/.test(binary) ? octetsFromText(binary) : octetsFromBinary(binary);
}

function unescapeHex(text: string): string {
  return text.replace(/=([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}
