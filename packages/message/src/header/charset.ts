import { binaryFromOctets, textFromUtf8 } from "../octets.ts";

/**
 * Text of octets in a charset by its MIME name. A charset that this runtime does not know is read as
 * UTF-8 where it is that, else one character for each octet: never an error, never lost octets.
 */
export function decodeCharset(octets: Uint8Array, charset: string): string {
  const decoder = decoderFor(charset);
  if (decoder === undefined) return textFromUtf8(octets) ?? binaryFromOctets(octets);
  return decoder.decode(octets);
}

function decoderFor(charset: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(charset, { ignoreBOM: true });
  } catch {
    return undefined;
  }
}
