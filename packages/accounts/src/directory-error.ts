/** Why the directory did not do what it was asked, in one word for programs. */
export const directoryErrorCodes = [
  /** It is there already. */
  "exists",
  /** The domain, account or alias is not there. */
  "not-found",
  /** Not an address or a domain name. */
  "bad-address",
  /** Not usable as a password. */
  "bad-password",
  /** Not a quota. */
  "bad-quota",
  /** Something else still needs it. */
  "in-use",
  /** The aliases would lead back to themselves. */
  "loop",
  /** Too much of it. */
  "limit",
  /** The call itself is wrong: a defect in the program that made it. */
  "bad-request",
] as const;

export type DirectoryErrorCode = (typeof directoryErrorCodes)[number];

/** A refusal. The message says what is so and what to do, and can be shown to the administrator as it is. */
export class DirectoryError extends Error {
  override readonly name = "DirectoryError";
  readonly code: DirectoryErrorCode;

  constructor(code: DirectoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function isDirectoryErrorCode(text: unknown): text is DirectoryErrorCode {
  return (directoryErrorCodes as readonly unknown[]).includes(text);
}

/** Something new was to be in a domain that is not ours, or not yet. */
export const domainToAdd = (domain: string): DirectoryError =>
  new DirectoryError(
    "not-found",
    `The domain ${domain} is not ours; "posthouse domain add ${domain}" adds it`,
  );
