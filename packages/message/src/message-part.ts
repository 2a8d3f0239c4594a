/**
 * One part of a message (RFC 2045 §2.4) and where its octets are. Offsets count from the first octet
 * of the outermost message, in its CRLF form; ends are exclusive. A part's header is the octets
 * headerStart to bodyStart.
 */
export interface MessagePart {
  readonly headerStart: number;
  /** After the empty line that ends the header, where there is one: header octets include it. */
  readonly bodyStart: number;
  /** Before the line end that belongs to the boundary that follows (RFC 2046 §5.1.1). */
  readonly bodyEnd: number;
  /** Line ends in the body: text/* and message/rfc822 are announced with it (RFC 9051 §7.5.2). */
  readonly lines: number;
  /** Lower case; text/plain when absent or unreadable (RFC 2045 §5.2). */
  readonly type: string;
  readonly subtype: string;
  /**
   * Lower-case names, decoded values. A name that ends in "*" was encoded (RFC 2231);
   * parameterValue() finds it under its plain name.
   */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Lower case; 7bit when absent (RFC 2045 §6.1). */
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
  /** For message/rfc822 and message/global: the ENVELOPE list of the message inside, to be sent. */
  readonly envelope?: Uint8Array;
  /**
   * Parts of a multipart, at least one; for message/rfc822 and message/global exactly the one message
   * inside. A container that cannot be looked into has another type: text/plain without a boundary,
   * application/octet-stream when it is encoded or nested too deep.
   */
  readonly children: readonly MessagePart[];
}
