import type { Annotations } from "@posthouse/mailbox-store";
import type { ResponseWriter } from "../response-writer.ts";
import { formatAstring } from "../syntax/strings.ts";

/** Octets that a quoted string can have. */
const isQuotable = (octets: Uint8Array): boolean =>
  octets.length <= 1000 && octets.every((octet) => octet >= 0x20 && octet <= 0x7e);

/**
 * `* METADATA "INBOX" (/shared/comment "…")`, RFC 5464 §4.4.1. Entries in `asked` that have no value are told
 * as NIL, so that a client can tell them from what it was not answered.
 */
export function writeMetadata(
  output: ResponseWriter,
  {
    name,
    annotations,
    asked,
  }: {
    /** As it is written to the client. */
    readonly name: string;
    readonly annotations: Annotations;
    readonly asked: readonly string[];
  },
): void {
  const values = new Map<string, Uint8Array | undefined>(asked.map((entry) => [entry, undefined]));
  for (const { entry, value } of annotations.found) values.set(entry, value);
  if (values.size === 0) return;
  output.write(`* METADATA ${name} (`);
  let separator = "";
  for (const [entry, value] of values) {
    output.write(`${separator}${formatAstring(entry)} `);
    writeValue(output, value);
    separator = " ";
  }
  output.write(")\r\n");
}

function writeValue(output: ResponseWriter, value: Uint8Array | undefined): void {
  if (value === undefined) output.write("NIL");
  else if (isQuotable(value)) {
    const text = Buffer.from(value).toString("latin1");
    output.write(`"${text.replaceAll(/["\\]/g, "\\$&")}"`);
  } else {
    // Only a literal8 may hold NUL (RFC 5464 §5).
    output.write(`${value.includes(0) ? "~" : ""}{${value.length}}\r\n`);
    output.writeOctets(value);
  }
}
