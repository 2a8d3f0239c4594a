import { authenticatedAuthor } from "@posthouse/mail-auth";
import type { StoredMessage } from "@posthouse/mailbox-store";
import {
  decodeTransferEncoding,
  type MessagePart,
  parameterValue,
  parseHeader,
} from "@posthouse/message";
import { parseDmarcXml } from "./dmarc-xml.ts";
import { limits } from "./limits.ts";
import type { Report } from "./report.ts";
import { ReportError } from "./report-error.ts";
import { parseTlsJson } from "./tls-json.ts";
import { unpack } from "./unpack.ts";

/** What is read of a header: our own fields stand at its top. */
const HEAD_BYTES = 64 * 1024;

/**
 * The domain that stands behind a message, as smtp-in found it out; undefined where nobody does. Counts only
 * what stands above the topmost Received field, which smtp-in wrote with it: below it is what the sender wrote,
 * and people who submit mail may write anything.
 */
export async function authorOf(
  message: Pick<StoredMessage, "read">,
  hostname: string,
): Promise<string | undefined> {
  const head = Buffer.concat(await Array.fromAsync(message.read(0, HEAD_BYTES)));
  for (const { name, valueStart, end } of parseHeader(head)) {
    if (name === "received") return undefined;
    if (name !== "authentication-results") continue;
    const author = authenticatedAuthor(head.toString("latin1", valueStart, end), hostname);
    if (author !== undefined) return author;
  }
  return undefined;
}

/**
 * The report that a message carries.
 *
 * @throws ReportError
 */
export async function reportIn(
  message: Pick<StoredMessage, "read" | "parts" | "sizeBytes">,
): Promise<Report> {
  if (message.sizeBytes > limits.messageBytesMax) throw new ReportError("is too large");
  const part = attachedReport(await message.parts());
  if (part === undefined) throw new ReportError("has no report attached");
  const octets = await unpack(await contentOf(message, part));
  // By what it is: media types and names are often wrong.
  const [first] = /[<{]/u.exec(octets.toString("latin1", 0, 1024)) ?? [];
  if (first === "<") return parseDmarcXml(octets);
  if (first === "{") return parseTlsJson(octets);
  throw new ReportError("has something else attached than a report");
}

/** The first part that can be one. What is forwarded inside another message is not looked at. */
function attachedReport(part: MessagePart): MessagePart | undefined {
  if (part.type === "multipart") {
    for (const child of part.children) {
      const found = attachedReport(child);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const mediaType = `${part.type}/${part.subtype}`;
  const file =
    parameterValue(part.disposition?.parameters ?? [], "filename") ??
    parameterValue(part.parameters, "name") ??
    "";
  return reportTypes.has(mediaType) || /\.(?:xml|xml\.gz|gz|zip|json|json\.gz)$/iu.test(file)
    ? part
    : undefined;
}

/** RFC 9990 has gzip and text/xml, RFC 8460 §6.4 tlsrpt; zip and the others are what is met. */
const reportTypes: ReadonlySet<string> = new Set([
  "application/gzip",
  "application/x-gzip",
  "application/zip",
  "application/x-zip",
  "application/x-zip-compressed",
  "application/xml",
  "text/xml",
  "application/tlsrpt+gzip",
  "application/tlsrpt+json",
]);

async function contentOf(
  message: Pick<StoredMessage, "read">,
  { bodyStart, bodyEnd, transferEncoding }: MessagePart,
): Promise<Buffer> {
  const decoder = decodeTransferEncoding(transferEncoding);
  if (decoder === undefined) throw new ReportError("has an unknown transfer encoding");
  const pieces: Uint8Array[] = [];
  for await (const piece of message.read(bodyStart, bodyEnd)) {
    // It may be given the same buffer again.
    pieces.push(Uint8Array.from(decoder.push(piece)));
  }
  pieces.push(decoder.end());
  return Buffer.concat(pieces);
}
