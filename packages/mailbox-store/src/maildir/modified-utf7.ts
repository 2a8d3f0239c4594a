/**
 * Modified UTF-7 (RFC 3501 §5.1.3): printable ASCII as it is, `&` as `&-`, runs of everything else as
 * UTF-16BE in base64 with `,` for `/`, between `&` and `-`.
 */
export function encodeModifiedUtf7(text: string): string {
  return text.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === "&") return "&-";
    const utf16 = Buffer.from(run, "utf16le").swap16();
    return `&${utf16.toString("base64").replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}

/** undefined when the text is not what encodeModifiedUtf7 would have written. */
export function decodeModifiedUtf7(text: string): string | undefined {
  if (/[^\x20-\x7e]/.test(text)) return undefined;
  const decoded = text.replace(/&([^-]*)-/g, (_whole, run: string) => {
    if (run === "") return "&";
    const octets = Buffer.from(run.replaceAll(",", "/"), "base64");
    if (octets.length % 2 !== 0) return "\ufffd";
    return octets.swap16().toString("utf16le");
  });
  return encodeModifiedUtf7(decoded) === text ? decoded : undefined;
}
