/**
 * A string of RFC 9051 §4.3 for octets given as a binary string: quoted where that can hold them,
 * else a literal. Octets above 127 go into a literal, which every client reads in either revision
 * and whether or not it enabled UTF-8 (RFC 6855 §3).
 */
export function imapString(binary: string): string {
  if (isQuotable(binary)) return `"${binary.replace(/["\\]/g, "\\$&")}"`;
  // A literal holds no NUL (CHAR8, RFC 9051 §9): it is shown as 0x80, as in BODY[].
  const octets = binary.replaceAll("\0", "\x80");
  return `{${octets.length}}\r\n${octets}`;
}

/** NIL where there is none (RFC 9051 §4.5). */
export function imapNString(binary: string | undefined): string {
  return binary === undefined ? "NIL" : imapString(binary);
}

/** TEXT-CHAR is any CHAR but CR and LF; control characters are legal, and some clients stumble. */
function isQuotable(binary: string): boolean {
  return !/[^\t -~]/.test(binary);
}
