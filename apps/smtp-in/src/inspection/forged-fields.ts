import { authservIdOf } from "@posthouse/mail-auth";
import { parseHeader } from "@posthouse/message";

/**
 * The beginning of a message without fields that only we may write: Authentication-Results that bear our
 * name (RFC 8601 §5), and our own explanations. Whoever reads them later would believe them.
 */
export function withoutForgedFields(head: Buffer, hostname: string): Buffer {
  if (
    !/^(?:authentication-results|x-posthouse-(?:auth|filter))[ \t]*:/im.test(
      head.toString("latin1"),
    )
  ) {
    return head;
  }
  const ourName = hostname.toLowerCase();
  const kept: Buffer[] = [];
  let from = 0;
  for (const { name, start, valueStart, end } of parseHeader(head)) {
    const isForged =
      name === "x-posthouse-auth" ||
      name === "x-posthouse-filter" ||
      (name === "authentication-results" &&
        authservIdOf(head.toString("latin1", valueStart, end)) === ourName);
    if (!isForged) continue;
    kept.push(head.subarray(from, start));
    from = end;
  }
  return from === 0 ? head : Buffer.concat([...kept, head.subarray(from)]);
}
