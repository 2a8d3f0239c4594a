import assert from "node:assert/strict";
import {
  baseSubject,
  decodeEncodedWords,
  decodePartTree,
  decodeTransferEncoding,
  type EnvelopeField,
  EnvelopeTexts,
  encodePartTree,
  headerTexts,
  headerValue,
  imapBody,
  imapBodyStructure,
  imapEnvelope,
  type MessagePart,
  PartScanner,
  parseMessageIds,
  scanParts,
  selectHeaderFields,
  sortFields,
} from "@posthouse/message";
import { madeMessage } from "../made-messages.ts";
import { keptInputs, type Target } from "./fuzzing.ts";
import { checkBody, checkEnvelope, strictList } from "./strict-values.ts";

const words = [
  ..."From: To: Cc: Subject: Date: Message-ID: References: Received: Content-Type:".split(" "),
  ..."Content-Disposition: Content-Language: Content-ID: MIME-Version: boundary= --b --b--".split(
    " ",
  ),
  ..."multipart/mixed multipart/digest message/rfc822 text/plain charset=utf-8 name*0*= name*1=".split(
    " ",
  ),
  ..."base64 quoted-printable =?utf-8?Q?a=20b?= =?utf-8?B?R3LDvMOf?= <a@b.c> group:; \r\n \r\n\t \r\n\r\n".split(
    " ",
  ),
  "\r\n",
  "\n",
  "\r",
  " ",
  "\r\n--",
  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
  "Content-Type: message/rfc822\r\n\r\n",
  "utf-8''%C3%BC",
  '"',
  "(",
  "\\",
];

/** Broken mail as good: what is said of a message fits together, and is the same however it comes. */
export async function messageTarget(): Promise<Target> {
  const made = Array.from({ length: 320 }, (_, index) => madeMessage(index + 1));
  return {
    name: "What is said of a message",
    seeds: [...made, ...(await keptInputs("messages")).values()],
    words,
    attempt: checkMessage,
  };
}

function checkMessage(input: Buffer): readonly string[] {
  const tree = scanParts(input);
  const encoded = encodePartTree(tree);
  if (input.length % 2 === 0) checkPieces(input, encoded);
  else checkLineEnds(input);
  checkSame(encodePartTree(decodePartTree(encoded)), encoded, "a tree reads back to itself");
  checkPlaces(tree, 0, input.length);
  checkBody(strictList(latin1(imapBodyStructure(tree))), true);
  checkBody(strictList(latin1(imapBody(tree))), false);
  checkHeader(input.subarray(0, tree.bodyStart));
  for (const part of leavesOf(tree)) {
    const decoder = decodeTransferEncoding(part.transferEncoding);
    decoder?.push(input.subarray(part.bodyStart, part.bodyEnd));
    decoder?.end();
  }
  return shapesOf(tree);
}

function checkSame(one: Uint8Array, other: Uint8Array, why: string): void {
  assert.ok(Buffer.compare(one, other) === 0, why);
}

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1");

/** The same tree whether it comes whole or in pieces of three lengths. */
function checkPieces(input: Buffer, whole: Uint8Array): void {
  const scanner = new PartScanner();
  const lengths = [1 + (input.length % 7), 1 + (input.length % 61), 1 + (input.length % 977)];
  for (let at = 0, turn = 0; at < input.length; turn += 1) {
    const length = lengths[turn % lengths.length] as number;
    scanner.push(input.subarray(at, at + length));
    at += length;
  }
  assert.equal(scanner.sizeBytes, input.length);
  checkSame(encodePartTree(scanner.end()), whole, "pieces change nothing");
}

/** A file with lone line feeds counts as the message that it is served as. */
function checkLineEnds(input: Buffer): void {
  const served = Buffer.from(input.toString("latin1").replaceAll(/\r?\n/g, "\r\n"), "latin1");
  const counted = scanParts(input, { lineEnds: "lf" });
  checkSame(encodePartTree(counted), encodePartTree(scanParts(served)), "line ends change nothing");
}

function checkPlaces(part: MessagePart, start: number, end: number): void {
  const { headerStart, bodyStart, bodyEnd, children } = part;
  assert.ok(start <= headerStart && headerStart <= bodyStart, "a header is in its place");
  assert.ok(bodyStart <= bodyEnd && bodyEnd <= end, "a body is in its place");
  assert.ok(part.lines >= 0 && part.lines <= bodyEnd - bodyStart, "lines are of the body");
  let next = bodyStart;
  for (const child of children) {
    checkPlaces(child, next, bodyEnd);
    next = child.bodyEnd;
  }
}

const envelopeFields: readonly EnvelopeField[] = ["subject", "from", "to", "cc", "message-id"];

function checkHeader(header: Buffer): void {
  const envelope = imapEnvelope(header);
  checkEnvelope(strictList(latin1(envelope)));
  const texts = new EnvelopeTexts(envelope);
  for (const field of envelopeFields) texts.texts(field);
  const { subject } = sortFields(header);
  assert.equal(typeof subject, "string");
  for (const { text } of headerTexts(header)) decodeEncodedWords(text);
  parseMessageIds(headerValue(header, "references") ?? "");
  baseSubject(headerValue(header, "subject") ?? "");
  const names = ["From", "subject", "x-long"];
  const some = selectHeaderFields(header, names);
  const others = selectHeaderFields(header, names, { not: true });
  // Both have the empty line, where there is one.
  assert.ok(some.length + others.length >= header.length, "no field is lost");
  assert.ok(some.length + others.length <= header.length + 2, "no field comes twice");
}

function* leavesOf(part: MessagePart): Generator<MessagePart> {
  if (part.children.length === 0) yield part;
  for (const child of part.children) yield* leavesOf(child);
}

/** What kinds of parts it has: types and encodings, without names and sizes. */
function shapesOf(part: MessagePart): string[] {
  const { type, subtype, transferEncoding, parameters, disposition, children } = part;
  const names = parameters.map(([name]) => name).slice(0, 3);
  const kinds = children.map((child) => child.type).slice(0, 4);
  const own = `${type}/${subtype} ${names.join()} ${transferEncoding} ${disposition?.type} ${kinds.join()}`;
  return [own.slice(0, 80), ...children.flatMap(shapesOf)];
}
