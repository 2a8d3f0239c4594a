import { createHash } from "node:crypto";

/** What a unique-id can be made of. */
export interface UidlParts {
  readonly uid: number;
  readonly uidValidity: number;
  /** The name of the message's file, without flags. */
  readonly key: string;
}

/** `pop3.uidl_format`: a format of Dovecot, so that clients of an adopted store see the ids they know. */
export interface UidlFormat {
  /** Names of files are in it, which have to be read first. */
  readonly needsKeys: boolean;
  idOf(parts: UidlParts): string;
}

/**
 *   %u  UID                       X  in hexadecimal
 *   %v  UIDVALIDITY               L  in lower case
 *   %f  the name of the file      U  in upper case
 *   %g  the same in a Maildir     M  its MD5 in hexadecimal
 *
 * A width in front of the letter fills up with zeros: `%08Xu`.
 */
export function uidlFormat(format: string): UidlFormat {
  const pieces = [...format.matchAll(/%(?:0(\d))?([XLUM])?([uvfg])|[^%]+/g)].map(pieceOf);
  return {
    needsKeys: /%(?:0\d)?[XLUM]?[fg]/.test(format),
    idOf: (parts) => pieces.map((piece) => piece(parts)).join(""),
  };
}

function pieceOf([literal, width, modifier, variable]: RegExpMatchArray) {
  if (variable === undefined) return () => literal;
  const value = valueBy[variable as keyof typeof valueBy];
  const modified = modifiers[(modifier ?? "") as keyof typeof modifiers];
  return (parts: UidlParts) => modified(value(parts)).padStart(Number(width ?? 0), "0");
}

const valueBy = {
  u: ({ uid }: UidlParts) => String(uid),
  v: ({ uidValidity }: UidlParts) => String(uidValidity),
  f: ({ key }: UidlParts) => key,
  g: ({ key }: UidlParts) => key,
};

const modifiers = {
  "": (text: string) => text,
  X: (text: string) => (/^\d+$/.test(text) ? Number(text).toString(16) : text),
  L: (text: string) => text.toLowerCase(),
  U: (text: string) => text.toUpperCase(),
  // tpop3d has it so; nothing secret hangs on it.
  M: (text: string) => createHash("md5").update(text).digest("hex"),
};
