export type SaslErrorCode =
  /** Not base64, not UTF-8, or not the fields of the mechanism: BAD, 501, -ERR. */
  | "malformed"
  /** The client sent "*": it gave up. */
  | "cancelled"
  /** It asks to act as somebody else, which nobody may here. */
  | "not-authorized";

/** What the client sent in a SASL exchange cannot be used. */
export class SaslError extends Error {
  override readonly name = "SaslError";
  readonly code: SaslErrorCode;

  constructor(code: SaslErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
