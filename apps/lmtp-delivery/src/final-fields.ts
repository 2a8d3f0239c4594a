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
