import { SaslError } from "./sasl-error.ts";

/** 3 fields of 1024 octets in base64, with room. */
const RESPONSE_CHARS_MAX = 8192;

/**
 * Decodes one client response as IMAP (RFC 9051 §6.2.2), POP3 (RFC 5034 §4) and SMTP (RFC 4954 §4)
 * send it: base64 with padding, "=" for an empty initial response, "*" to cancel.
 *
 * @throws SaslError
 */
export function decodeSaslResponse(line: string | Uint8Array): Buffer {
  const text = typeof line === "string" ? line : Buffer.from(line).toString("latin1");
  if (text === "*") throw new SaslError("cancelled", "The client cancelled the exchange");
  if (text === "=") return Buffer.alloc(0);
  // Checked before decoding: Node's decoder passes over whatever is not base64.
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isBase64 || text.length > RESPONSE_CHARS_MAX) {
    throw new SaslError("malformed", "The response is not base64");
  }
  return Buffer.from(text, "base64");
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws SaslError */
export function decodeUtf8(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch {
    throw new SaslError("malformed", "The response is not UTF-8");
  }
}
