import { parseHeader } from "@posthouse/message";

/** The beginning of a message without its fields of these names, which are lower case. */
export function withoutFields(head: Buffer, names: readonly string[]): Buffer {
  const isNamed = new RegExp(`^(?:${names.join("|")})[ \\t]*:`, "im");
  if (!isNamed.test(head.toString("latin1", 0, endOfHeader(head)))) return head;
  const kept: Buffer[] = [];
  let from = 0;
  for (const { name, start, end } of parseHeader(head)) {
    if (!names.includes(name)) continue;
    kept.push(head.subarray(from, start));
    from = end;
  }
  return Buffer.concat([...kept, head.subarray(from)]);
}

/** Of the fields, which end at a line that is empty. */
function endOfHeader(head: Buffer): number {
  const ends = ["\n\r\n", "\n\n"].map((end) => head.indexOf(end)).filter((at) => at >= 0);
  return Math.min(...ends, head.length);
}

/**
 * False when the message has no header: its first line is text, or begins with a blank. Fields put
 * before it need an empty line after them, or readers take that text for header, or for the end of
 * our last field. The "From " of an mbox is no field either, and there is a header behind it.
 */
export function beginsWithHeader(head: Uint8Array): boolean {
  const [first] = parseHeader(head, 1);
  if (first === undefined || first.name !== "") return true;
  return /^>?From $/.test(
    Buffer.from(first.raw.subarray(0, first.raw[0] === 0x3e ? 6 : 5)).toString("latin1"),
  );
}
