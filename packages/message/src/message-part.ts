/**
 * One part of a message (RFC 2045 §2.4) and where its octets are. Offsets count from the first octet
 * of the outermost message, in its CRLF form; ends are exclusive.
 */
export interface MessagePart {
  readonly headerStart: number;
  /** After the empty line that ends the header, where there is one: header octets include it. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Lines of the body: needed for text/* and message/rfc822 (RFC 9051 §7.5.2). */
  readonly lines: number;
  /** Lower case; text/plain when absent or unreadable (RFC 2045 §5.2). */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly transferEncoding: string;
  readonly contentId?: string;
  readonly description?: string;
  readonly md5?: string;
  readonly disposition?: {
    readonly type: string;
    readonly parameters: readonly (readonly [name: string, value: string])[];
  };
  readonly language?: readonly string[];
  readonly location?: string;
  /** Parts of a multipart; for message/rfc822 and message/global the one message inside. */
  readonly children: readonly MessagePart[];
}
