import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";
import { type NameStyle, ownNameStyle } from "./name-style.ts";

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
 * Control characters (which RFC 9051 §5.1 lets a server refuse), Unicode's line ends, and the characters
 * that turn the direction of what follows: nobody can tell by sight what such a name is. `*` and `%` are
 * fine (ibid.), and so are the marks that Hebrew and Arabic need.
 */
const unmakeable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Noncharacter_Code_Point}]/u;

/** As canonicalName(), for a name that is to be made. One that another program made can still be opened. */
export function canonicalNameToMake(name: string): string {
  const canonical = canonicalName(name);
  if (unmakeable.test(canonical)) {
    const shown = JSON.stringify(canonical);
    throw new StoreError(
      "not-permitted",
      `Cannot name a mailbox ${shown}: it has characters without a shape`,
    );
  }
  return canonical;
}

/**
 * The folder of a canonical name: `.Archive.2026` for `Archive/2026`.
 *
 * In our own style a `.` inside a level, a leading `~` and ASCII's control characters are written as %XX, and
 * so is a `%` that would read as one of these. Where nothing is escaped, such names are refused. `..`
 * therefore is `%2E%2E` or nothing: no name leads out of the account.
 */
export function folderOfName(name: string, style: NameStyle = ownNameStyle): string {
  if (name === "INBOX") return inboxFolder;
  const folder = name
    .split("/")
    .map((level) => `.${encodeLevel(level, style)}`)
    .join("");
  if (Buffer.byteLength(folder) > limits.folderNameOctetsMax) {
    throw new StoreError("not-permitted", `Cannot name a mailbox "${name}": the name is too long`);
  }
  return folder;
}

/** The mailbox name of a folder that exists; a folder that we would never make is shown as it is. */
export function nameOfFolder(folder: string, style: NameStyle = ownNameStyle): string {
  if (folder === inboxFolder) return "INBOX";
  return folder
    .slice(1)
    .split(".")
    .map((level) => decodeLevel(level, style))
    .join("/");
}

/**
 * The name of each folder, none twice. A folder that another program made may be written as we would not
 * write it, as `.A&B` or `.Entwürfe`: it has the name that it reads as, and where another folder has that
 * name, its own text as the name of one level.
 */
export function namesOfFolders(
  folders: Iterable<string>,
  style: NameStyle = ownNameStyle,
): ReadonlyMap<string, string> {
  const nameOf = new Map<string, string>();
  const taken = new Set<string>();
  const odd: string[] = [];
  for (const folder of folders) {
    const name = nameOfFolder(folder, style);
    if (isOwnFolderOf(name, folder, style)) {
      nameOf.set(folder, name);
      taken.add(name);
    } else odd.push(folder);
  }
  for (const folder of odd.sort()) {
    const readable = canonicalOr(nameOfFolder(folder, style));
    const name = readable === undefined || taken.has(readable) ? folder : readable;
    // With `.` between levels no client could write the text of a folder.
    if (taken.has(name) || (name === folder && style.separator === ".")) continue;
    nameOf.set(folder, name);
    taken.add(name);
  }
  return nameOf;
}

function isOwnFolderOf(name: string, folder: string, style: NameStyle): boolean {
  try {
    return folderOfName(canonicalName(name), style) === folder;
  } catch {
    return false;
  }
}

function canonicalOr(name: string): string | undefined {
  try {
    return canonicalName(name);
  } catch {
    return undefined;
  }
}

/** True for a directory entry that is a folder of Maildir++. */
export function isFolderName(entry: string): boolean {
  return /^\.[^.]/.test(entry) && !entry.includes("..") && !entry.endsWith(".");
}

/** One level of a name as it stands on disk, in folders and in `subscriptions`. */
export function encodeLevel(level: string, style: NameStyle = ownNameStyle): string {
  if (style.escape === "none") refuseWhatNeedsEscape(level);
  const escaped = style.escape === "percent" ? escapeLevel(level) : level;
  return style.encoding === "utf-8" ? escaped : encodeModifiedUtf7(escaped);
}

export function decodeLevel(written: string, style: NameStyle = ownNameStyle): string {
  const decoded = style.encoding === "utf-8" ? written : (decodeModifiedUtf7(written) ?? written);
  return (style.escape === "percent" ? unescapeLevel(decoded) : decoded).normalize("NFC");
}

function refuseWhatNeedsEscape(level: string): void {
  if (/[.\p{Cc}]|^~/u.test(level)) {
    throw new StoreError(
      "not-permitted",
      `Cannot name a mailbox ${JSON.stringify(level)}: this account was taken over, and its folders cannot hold that`,
    );
  }
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
