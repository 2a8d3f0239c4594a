import { parseHeader } from "@posthouse/message";

/**
 * What final delivery puts before a message (RFC 5321 §4.4): Return-Path with the sender of the
 * envelope, and, as other servers do, to which account and to which address it was sent.
 */
export function finalFields(recipient: {
  readonly reversePath: string;
  readonly account: string;
  readonly originalAddress: string;
}): string {
  return (
    `Return-Path: <${recipient.reversePath}>\r\n` +
    `Delivered-To: ${recipient.account}\r\n` +
    `X-Original-To: ${recipient.originalAddress}\r\n`
  );
}

/** A header without the Return-Path of an earlier delivery: there is one only (RFC 5321 §4.4). */
export function withoutReturnPath(head: Buffer): Buffer {
  if (!/^return-path[ \t]*:/im.test(head.toString("latin1"))) return head;
  const kept: Buffer[] = [];
  let from = 0;
  for (const { name, start, end } of parseHeader(head)) {
    if (name !== "return-path") continue;
    kept.push(head.subarray(from, start));
    from = end;
  }
  return Buffer.concat([...kept, head.subarray(from)]);
}
