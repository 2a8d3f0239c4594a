/** Why a path is refused: each is another reply in SMTP. */
export type PathErrorCode =
  /** 501 5.1.3 or 5.1.7 */
  | "syntax"
  /** 553 5.6.7: non-ASCII without SMTPUTF8 */
  | "non-ascii"
  /** 501 5.1.3, or 500 where the whole line is too long */
  | "too-long";

/** A path that cannot be read. The message is a sentence that may be sent to the client. */
export class PathError extends Error {
  override readonly name = "PathError";
  readonly code: PathErrorCode;

  constructor(code: PathErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
