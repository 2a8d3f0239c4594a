import { Base64Decoder } from "./base64.ts";
import { QuotedPrintableDecoder } from "./quoted-printable.ts";

/** Gives back what a transfer encoding encoded (RFC 2045 §6), in pieces of any size. */
export interface TransferDecoder {
  /** The octets that are certain now. */
  push(encoded: Uint8Array): Uint8Array;
  /** The octets that were waiting for more. */
  end(): Uint8Array;
}

/**
 * A decoder for a Content-Transfer-Encoding, upper or lower case; undefined for one that is not
 * known (UNKNOWN-CTE of RFC 3516 §4.3). Decoders take anything: what is not encoded as it should be
 * is skipped (base64) or left as it is (quoted-printable).
 */
export function decodeTransferEncoding(encoding: string): TransferDecoder | undefined {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "7bit":
    case "8bit":
    case "binary":
      return new IdentityDecoder();
    case "base64":
      return new Base64Decoder();
    case "quoted-printable":
      return new QuotedPrintableDecoder();
    default:
      return undefined;
  }
}

class IdentityDecoder implements TransferDecoder {
  push(encoded: Uint8Array): Uint8Array {
    return encoded;
  }

  end(): Uint8Array {
    return new Uint8Array(0);
  }
}
