import {
  decodeEncodedWords,
  formatMailbox,
  headerValue,
  type Mailbox,
  parseAddressList,
  parseHeader,
} from "@posthouse/message";
import { type Envelope, newMessageId, withoutFields } from "@posthouse/smtp";
import type { AuthorFacts } from "../inspection/author-facts.ts";
import { addressBeside, type ListPost } from "./list-post.ts";
import { phrase } from "./phrase.ts";

/** A message as a list sends it on: another envelope, and fields in front. */
export interface ListMessage {
  readonly envelope: Envelope;
  readonly before: Buffer;
  /** In place of the first octets of the message. */
  readonly head: Buffer;
}

/** Those of other lists, and of whoever pretends to be one (RFC 2369 §4, RFC 2919 §7). */
const ofLists: readonly string[] = [
  "list-id",
  "list-post",
  "list-unsubscribe",
  "list-unsubscribe-post",
  "list-subscribe",
  "list-help",
  "list-owner",
  "precedence",
];

export interface ListMessageOptions {
  readonly envelope: Envelope;
  readonly head: Buffer;
  /** What was found, and Received. */
  readonly before: Buffer;
  /** Absent: it is a submission. */
  readonly author: AuthorFacts | undefined;
  /** From was held to the sender of this submission, so that it may be signed for. */
  readonly isFromChecked: boolean;
}

/**
 * What members get. Body and subject stay as they are, so that signatures hold, and with them DMARC. Where
 * that is asked for and there is no signature to hold (SPF alone vouched for the author, and will not for us),
 * From becomes the list's, with the author's name, and answers go to the author.
 */
export function listMessage(post: ListPost, options: ListMessageOptions): ListMessage {
  const { envelope, author, isFromChecked } = options;
  const plain = withoutFields(options.head, ofLists);
  const isSignatureWhole = author?.isSigned === true && plain.length === options.head.length;
  const isFromOurs = author?.isProtected === true && !isSignatureWhole;
  const head = isFromOurs ? withListAsAuthor(post, plain) : plain;
  const { address } = post.policy;
  return {
    head,
    before: Buffer.concat([Buffer.from(listFields(post)), options.before]),
    envelope: {
      version: envelope.version,
      messageId: newMessageId(Date.now()),
      receivedAtMs: envelope.receivedAtMs,
      client: envelope.client,
      // Signed as ours where From is ours, and we know that it is true.
      ...((isFromOurs || isFromChecked) && { isOurs: true }),
      // RFC 5321 §3.9.2: failures are told to who looks after the list.
      reversePath: addressBeside(address, "bounces"),
      // RFC 3461 §5.2.7.1: nothing of what the sender asked about notifications goes on.
      recipients: post.members.map((member) => ({
        address: member.address,
        isLocal: member.isLocal,
        originalAddress: address,
      })),
      body: envelope.body,
      smtpUtf8: envelope.smtpUtf8,
      requireTls: envelope.requireTls,
      priority: envelope.priority,
      ...(envelope.holdUntilMs !== undefined && { holdUntilMs: envelope.holdUntilMs }),
      verdicts: envelope.verdicts,
    },
  };
}

/** RFC 2919 §2: the list's address as a domain name. */
export const idOf = (address: string): string => address.replace("@", ".");

/** RFC 2369 and RFC 2919. Delivered-To is what a list knows its own mail by, when that comes back. */
function listFields({ policy: { address, name, posts } }: ListPost): string {
  const isClosed = posts === "named";
  const mailto = (to: string) => `<mailto:${asUrl(to)}>`;
  return [
    `Delivered-To: ${address}`,
    // Of programs that know no List-Id, many leave such mail without an answer.
    "Precedence: list",
    `List-Id: ${name === undefined ? "" : `${phrase(name)}\r\n `}<${idOf(address)}>`,
    `List-Post: ${isClosed ? "NO (it is written to by few)" : mailto(address)}`,
    `List-Unsubscribe: ${mailto(`${addressBeside(address, "unsubscribe")}?subject=unsubscribe`)}`,
    `List-Owner: ${mailto(addressBeside(address, "owner"))}`,
    "",
  ].join("\r\n");
}

/** RFC 6068 §2: what has a meaning in a URL is encoded in the local part. */
function asUrl(address: string): string {
  const at = address.lastIndexOf("@");
  return `${encodeURIComponent(address.slice(0, at))}${address.slice(at)}`;
}

/** From names the list; X-Original-From has what it was, and Reply-To the author, unless he has said himself. */
function withListAsAuthor({ policy }: ListPost, head: Buffer): Buffer {
  const field = parseHeader(head).find(({ name }) => name === "from");
  const was = field === undefined ? " \r\n" : head.subarray(field.valueStart, field.end);
  const [author] = parseAddressList(headerValue(head, "from") ?? "").flatMap((one) =>
    one.kind === "group" ? one.members : [one],
  );
  const listName = policy.name ?? policy.address.slice(0, policy.address.lastIndexOf("@"));
  const authorName = decodeEncodedWords(author?.name ?? author?.localPart ?? "").slice(0, 100);
  const name = authorName.trim() === "" ? listName : `${authorName} via ${listName}`;
  const hasReplyTo = headerValue(head, "reply-to") !== undefined;
  return Buffer.concat([
    Buffer.from(`From: ${phrase(name)}\r\n <${policy.address}>\r\n`),
    Buffer.from(author === undefined || hasReplyTo ? "" : replyTo(author)),
    Buffer.from("X-Original-From:"),
    Buffer.from(was),
    withoutFields(head, ["from"]),
  ]);
}

function replyTo(author: Mailbox): string {
  const address = formatMailbox(author);
  const isUsable = author.domain !== "" && /^\P{Cc}{1,320}$/u.test(address);
  return isUsable ? `Reply-To: <${address}>\r\n` : "";
}
