import type { MessageColumns, MessageSummary, StoredMessage } from "@posthouse/mailbox-store";
import { ConnectionLost } from "@posthouse/wire";
import type { ResponseWriter } from "../response-writer.ts";
import { formatDateTime } from "../syntax/date-time.ts";
import type { FetchAttribute } from "../syntax/fetch-attributes.ts";
import { formatString } from "../syntax/strings.ts";
import { binarySize, openBinary } from "./binary-section.ts";
import { openSection, type SectionOctets } from "./body-section.ts";
import { formatFlags } from "./flags.ts";

/** One message as FETCH needs it: what the attributes do not ask for is absent. */
export interface FetchedMessage {
  readonly sequence: number;
  readonly uid: number;
  readonly columns: MessageColumns;
  readonly row: number;
  readonly isRecent: boolean;
  /** UIDFETCH instead of FETCH: RFC 9586. */
  readonly isUidOnly?: boolean;
  readonly summary?: MessageSummary | undefined;
  readonly message?: StoredMessage | undefined;
  /** For PREVIEW; absent where it is not at hand. */
  readonly preview?: string | undefined;
}

/** What was looked up of a message before the first octet of its answer. */
type LookedUp = SectionOctets | number | undefined;

/** `* 12 FETCH (UID 7 FLAGS (\Seen))`, for items that need no octets of the message. */
export function writeShortResponse(
  fetched: FetchedMessage,
  attributes: readonly FetchAttribute[],
  output: ResponseWriter,
): void {
  let text = responseStart(fetched);
  let isFirst = true;
  for (const attribute of attributes) {
    if (!isFirst) text += " ";
    isFirst = false;
    if (attribute.kind === "column") text += columnItem(fetched, attribute.name);
    else if (attribute.kind === "preview") text += previewItem(fetched);
    else if (attribute.kind === "summary") {
      output.write(text);
      text = "";
      writeSummaryItem(fetched, attribute.name, output);
    }
  }
  output.write(`${text})\r\n`);
}

/**
 * The same with octets. Everything that can be refused is looked up before the first octet is written:
 * there is no way back out of a literal whose length was announced.
 */
export async function writeResponse(
  fetched: FetchedMessage,
  attributes: readonly FetchAttribute[],
  output: ResponseWriter,
): Promise<void> {
  const { message } = fetched;
  const found = new Map<FetchAttribute, LookedUp>();
  for (const attribute of attributes) {
    if (message !== undefined) found.set(attribute, await lookUp(message, attribute));
  }
  output.write(responseStart(fetched));
  for (const [index, attribute] of attributes.entries()) {
    if (index > 0) output.write(" ");
    switch (attribute.kind) {
      case "column":
        output.write(columnItem(fetched, attribute.name));
        break;
      case "summary":
        writeSummaryItem(fetched, attribute.name, output);
        break;
      case "preview":
        output.write(previewItem(fetched));
        break;
      case "binary-size":
        output.write(`${attribute.label} ${(found.get(attribute) as number | undefined) ?? 0}`);
        break;
      case "section":
      case "binary":
        await writeLiteral(
          attribute.label,
          found.get(attribute) as SectionOctets | undefined,
          output,
        );
        break;
    }
  }
  output.write(")\r\n");
}

const responseStart = ({ sequence, uid, isUidOnly }: FetchedMessage): string =>
  isUidOnly ? `* ${uid} UIDFETCH (` : `* ${sequence} FETCH (`;
async function lookUp(message: StoredMessage, attribute: FetchAttribute): Promise<LookedUp> {
  switch (attribute.kind) {
    case "section":
      return openSection(message, attribute);
    case "binary":
      return openBinary(message, attribute);
    case "binary-size":
      return binarySize(message, attribute.part);
    case "column":
    case "summary":
    case "preview":
      return undefined;
  }
}

/** A string of UTF-8; NIL where it was not waited for (RFC 8970 §3.2). */
function previewItem({ preview }: FetchedMessage): string {
  if (preview === undefined) return "PREVIEW NIL";
  return `PREVIEW ${formatString(Buffer.from(preview).toString("latin1"))}`;
}

function columnItem(
  { uid, columns, row, isRecent }: FetchedMessage,
  name: Extract<FetchAttribute, { kind: "column" }>["name"],
): string {
  switch (name) {
    case "UID":
      return `UID ${uid}`;
    case "FLAGS":
      return `FLAGS ${formatFlags(columns, row, isRecent)}`;
    case "MODSEQ":
      return `MODSEQ (${columns.modSeqs[row]})`;
    case "RFC822.SIZE":
      return `RFC822.SIZE ${columns.sizes[row]}`;
    case "INTERNALDATE":
      return `INTERNALDATE "${formatDateTime(columns.internalDatesMs[row] ?? 0)}"`;
    case "SAVEDATE":
      return `SAVEDATE "${formatDateTime(columns.saveDatesMs[row] ?? 0)}"`;
  }
}

function writeSummaryItem(
  { summary }: FetchedMessage,
  name: Extract<FetchAttribute, { kind: "summary" }>["name"],
  output: ResponseWriter,
): void {
  if (summary === undefined) throw new Error(`Message without a summary for ${name}`);
  if (name === "EMAILID" || name === "THREADID") {
    const id = name === "EMAILID" ? summary.emailId : summary.threadId;
    output.write(`${name} (${id})`);
    return;
  }
  const octets = {
    ENVELOPE: summary.envelope,
    BODY: summary.body,
    BODYSTRUCTURE: summary.bodyStructure,
  }[name];
  output.write(`${name} `);
  output.writeOctets(octets);
}

/** `label {5}` and the octets; NIL where there are none to be had. */
export async function writeLiteral(
  label: string,
  section: SectionOctets | undefined,
  output: ResponseWriter,
): Promise<void> {
  if (section === undefined) {
    output.write(`${label} NIL`);
    return;
  }
  if (section.lengthBytes === 0) {
    output.write(`${label} ""`);
    return;
  }
  const literal8 = section.holdsNul === true ? "~" : "";
  output.write(`${label} ${literal8}{${section.lengthBytes}}\r\n`);
  if (section.inMemory?.length === section.lengthBytes) {
    output.writeOctets(section.inMemory);
    return;
  }
  let left = section.lengthBytes;
  try {
    for await (const piece of section.octets()) {
      left -= piece.length;
      if (left < 0) break;
      output.writeOctets(piece);
      await output.pace();
    }
  } catch (cause) {
    if (cause instanceof ConnectionLost) throw cause;
    throw new BrokenLiteral(`Cannot read a message to its end: ${String(cause)}`, { cause });
  }
  if (left !== 0) throw new BrokenLiteral(`A message is ${-left} octets longer than it was`);
}

/** A literal was announced and cannot be filled: the client can only be left (session.ts hangs up). */
export class BrokenLiteral extends Error {
  override readonly name = "BrokenLiteral";
}
