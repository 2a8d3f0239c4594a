import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";

/** The folder of INBOX: the account's own directory. */
export const inboxFolder = "";

/**
 * The form of a mailbox name that the store works with: NFC, `/` between levels, INBOX in capitals.
 * Refuses names that no mailbox can have.
 */
export function canonicalName(name: string): string {
  const levels = name.normalize("NFC").replace(/\/$/, "").split("/");
  if (levels.some((level) => level === "")) {
    throw new StoreError("not-permitted", `Cannot name a mailbox "${name}": a level is empty`);
  }
  if (!name.isWellFormed()) {
    throw new StoreError("not-permitted", `Cannot name a mailbox "${name}": not Unicode`);
  }
  // RFC 9051 §5.1: INBOX in any case is INBOX, and so are the parents of INBOX/Old.
  if (levels[0]?.toUpperCase() === "INBOX") levels[0] = "INBOX";
  return levels.join("/");
}

/**
 * The folder of a canonical name: `.Archive.2026` for `Archive/2026`.
 *
 * A `.` inside a level, a leading `~` and ASCII's control characters are written as %XX, and so is a `%` that
 * would read as one of these. `..` therefore is `%2E%2E`: no name leads out of the account.
 */
export function folderOfName(name: string): string {
  if (name === "INBOX") return inboxFolder;
  const folder = name
    .split("/")
    .map((level) => `.${encodeLevel(level)}`)
    .join("");
  if (Buffer.byteLength(folder) > limits.folderNameOctetsMax) {
    throw new StoreError("not-permitted", `Cannot name a mailbox "${name}": the name is too long`);
  }
  return folder;
}

/** The mailbox name of a folder that exists; a folder that we would never make is shown as it is. */
export function nameOfFolder(folder: string): string {
  if (folder === inboxFolder) return "INBOX";
  return folder.slice(1).split(".").map(decodeLevel).join("/");
}

/** True for a directory entry that is a folder of Maildir++. */
export function isFolderName(entry: string): boolean {
  return /^\.[^.]/.test(entry) && !entry.includes("..") && !entry.endsWith(".");
}

/** One level of a name as it stands on disk, in folders and in `subscriptions`. */
export function encodeLevel(level: string): string {
  return encodeModifiedUtf7(escapeLevel(level));
}

export function decodeLevel(written: string): string {
  return unescapeLevel(decodeModifiedUtf7(written) ?? written).normalize("NFC");
}

// C1 controls are not ASCII: modified UTF-7 writes them.
const toEscape = /[.[\p{Cc}&&\p{ASCII}]]|^~|%(?=2E|7E|25|7F|[01][0-9A-F])/gv;

function escapeLevel(level: string): string {
  return level.replace(
    toEscape,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function unescapeLevel(level: string): string {
  return level.replace(/%(2E|7E|25|7F|[01][0-9A-F])/g, (whole, digits: string, at: number) =>
    digits === "7E" && at > 0 ? whole : String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
