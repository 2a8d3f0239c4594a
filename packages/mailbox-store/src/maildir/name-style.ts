import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../store-error.ts";
import { errnoOf } from "./durable-file.ts";

/**
 * `posthouse-names`: how one account writes the names of its mailboxes, on disk and to IMAP clients. It is
 * there only where a tree of another program was taken over, and is never changed afterwards: a client
 * knows mailboxes by these names. Without it an account is as ownNameStyle says.
 *
 *   posthouse-names 1                 version: a file of another is an error, since names would change
 *   separator .                       between levels, as clients see it: `/` or `.`
 *   prefix INBOX.                     in front of every name but INBOX, as clients see it; may be missing
 *   encoding utf-8                    of folders on disk: `modified-utf-7` or `utf-8`
 *   escape none                       `percent`: what a folder cannot hold is %XX; `none`: it is refused
 */
export interface NameStyle {
  readonly separator: "/" | ".";
  /** Ends with the separator, or is empty. */
  readonly prefix: string;
  readonly encoding: "modified-utf-7" | "utf-8";
  readonly escape: "percent" | "none";
}

export const nameStyleFileName = "posthouse-names";

/** Of accounts that began here. */
export const ownNameStyle: NameStyle = {
  separator: "/",
  prefix: "",
  encoding: "modified-utf-7",
  escape: "percent",
};

/** The style of an account; one small file, so that it is read at once wherever it is needed. */
export function readNameStyle(accountPath: string): NameStyle {
  const path = join(accountPath, nameStyleFileName);
  try {
    const style = parseNameStyle(readFileSync(path));
    if (style !== undefined) return style;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return ownNameStyle;
    throw error;
  }
  throw new StoreError("unavailable", `Cannot read "${path}": every mailbox would change its name`);
}

/** undefined when it is no such file, or of another version. Lines of other names are passed over. */
export function parseNameStyle(octets: Buffer): NameStyle | undefined {
  const [first, ...lines] = octets.toString("utf8").split("\n");
  if (first !== "posthouse-names 1") return undefined;
  const fields = new Map(lines.map((line) => split(line)));
  const separator = fields.get("separator");
  const encoding = fields.get("encoding");
  const escaping = fields.get("escape");
  const prefix = fields.get("prefix") ?? "";
  if (separator !== "/" && separator !== ".") return undefined;
  if (encoding !== "modified-utf-7" && encoding !== "utf-8") return undefined;
  if (escaping !== "percent" && escaping !== "none") return undefined;
  if (!isPrefix(prefix, separator)) return undefined;
  return { separator, prefix, encoding, escape: escaping };
}

export function formatNameStyle(style: NameStyle): string {
  return [
    "posthouse-names 1",
    `separator ${style.separator}`,
    ...(style.prefix === "" ? [] : [`prefix ${style.prefix}`]),
    `encoding ${style.encoding}`,
    `escape ${style.escape}`,
    "",
  ].join("\n");
}

/** Empty, or printable ASCII without wildcards whose levels are not empty: `INBOX.`, `Mail/`. */
export function isPrefix(prefix: string, separator: "/" | "."): boolean {
  if (prefix === "") return true;
  if (prefix.length > 100 || !/^[!#$'-),-~+]+$/.test(prefix) || /[\\"]/.test(prefix)) return false;
  if (!prefix.endsWith(separator)) return false;
  return prefix
    .slice(0, -1)
    .split(separator)
    .every((level) => level !== "" && !level.includes("/"));
}

function split(line: string): [name: string, value: string] {
  const space = line.indexOf(" ");
  return space < 0 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
}
