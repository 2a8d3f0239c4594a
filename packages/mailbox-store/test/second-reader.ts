/**
 * A reader of the tree on disk that shares no line with the store: written from docs/store.md alone. What
 * it cannot know from there, the page is missing.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

export interface ReadMailbox {
  readonly id: string;
  readonly uidValidity: number;
  /** No UID from here on was given out. */
  readonly uidNextAtMost: number;
  readonly specialUse: readonly string[];
  readonly annotations: readonly string[];
  readonly rights: readonly string[];
  readonly messages: readonly ReadMessage[];
}

export interface ReadMessage {
  readonly uid: number;
  readonly isRecent: boolean;
  readonly flags: readonly string[];
  readonly keywords: readonly string[];
  readonly internalDateMs: number;
  readonly saveDateMs: number;
  readonly octets: Buffer;
  readonly emailId: string;
  readonly threadId: string;
}

export interface ReadAccount {
  readonly id: string;
  readonly annotations: readonly string[];
  readonly subscribed: readonly string[];
  readonly mailboxes: ReadonlyMap<string, ReadMailbox>;
}

/** "Account paths" */
export function pathOfAddress(address: string): string {
  const at = address.lastIndexOf("@");
  const part = (text: string) =>
    Array.from(Buffer.from(text.toLowerCase().normalize("NFC")), (octet, index) => {
      const character = String.fromCharCode(octet);
      const isPlain = /[a-z0-9_+=-]/.test(character) || (character === "." && index > 0);
      return isPlain ? character : `%${hex(octet)}`;
    }).join("");
  return join(part(address.slice(at + 1)), part(address.slice(0, at)));
}

export function readAccount(path: string): ReadAccount {
  const mailboxes = new Map<string, ReadMailbox>();
  mailboxes.set("INBOX", readMailbox(path));
  for (const entry of readdirSync(path)) {
    if (!entry.startsWith(".") || entry.includes("..") || entry.endsWith(".")) continue;
    const folder = join(path, entry);
    if (!["cur", "mbox", "posthouse-mbox-journal"].some((one) => existsSync(join(folder, one))))
      continue;
    mailboxes.set(entry.slice(1).split(".").map(nameOfLevel).join("/"), readMailbox(folder));
  }
  const [version, ...lines] = linesOf(join(path, "posthouse-annotations"));
  if (version !== undefined && version !== "posthouse-annotations 1") throw new Error(version);
  return {
    id: linesOf(join(path, "posthouse-account"))[0] ?? "",
    annotations: lines.filter((line) => line.startsWith("annotation ")).map(annotationOf),
    subscribed: linesOf(join(path, "subscriptions"))
      .slice(1)
      .map((line) => line.split("\t").map(nameOfLevel).join("/")),
    mailboxes,
  };
}

/** "Folders and names": modified UTF-7, then %XX */
function nameOfLevel(level: string): string {
  const text = level.replace(/&([^-]*)-/g, (_run, base64: string) =>
    base64 === ""
      ? "&"
      : Buffer.from(base64.replaceAll(",", "/"), "base64").swap16().toString("utf16le"),
  );
  return text.replace(/^%7E|%(?:2E|25|7F|[01][0-9A-F])/g, (octet) =>
    String.fromCharCode(Number.parseInt(octet.slice(1), 16)),
  );
}

function readMailbox(folder: string): ReadMailbox {
  const about = readMailboxFile(folder);
  const isMaildir = existsSync(join(folder, "cur"));
  const list = isMaildir
    ? readMaildir(folder, about)
    : readMbox(readFileSync(join(folder, "mbox")), about.uidValidity);
  const { id, specialUse, annotations, rights, uidReserved } = about;
  return { id, specialUse, annotations, rights, ...list, uidNextAtMost: uidReserved + 1 };
}

interface AboutMailbox {
  readonly id: string;
  readonly uidValidity: number;
  readonly uidReserved: number;
  readonly specialUse: readonly string[];
  readonly annotations: readonly string[];
  readonly rights: readonly string[];
  readonly keywords: ReadonlyMap<number, string>;
  readonly keywordsOf: ReadonlyMap<string, readonly number[]>;
}

/** "posthouse-mailbox" */
function readMailboxFile(folder: string): AboutMailbox {
  const [version, ...lines] = linesOf(join(folder, "posthouse-mailbox"));
  if (version !== "posthouse-mailbox 1") throw new Error(`version ${version}`);
  const fields = lines.map((line) => line.split(" "));
  const all = (name: string) => fields.filter(([first]) => first === name);
  const one = (name: string) => all(name)[0]?.[1] ?? "";
  return {
    id: one("id"),
    uidValidity: Number(one("uid-validity")),
    uidReserved: Number(one("uid-reserved")),
    specialUse: all("special-use").map(([, use = ""]) => use),
    annotations: lines.filter((line) => line.startsWith("annotation ")).map(annotationOf),
    rights: all("rights").map(([, who = "", letters]) => `${wordOf(who)} ${letters}`),
    keywords: new Map(all("keyword").map(([, n, keyword = ""]) => [Number(n), keyword])),
    keywordsOf: new Map(
      all("message").map(([, key = "", ...numbers]) => [wordOf(key), numbers.map(Number)]),
    ),
  };
}

/** `entry user value` */
function annotationOf(line: string): string {
  const [, entry = "", value = "", user = ""] = line.split(" ");
  return `${wordOf(entry)} ${wordOf(user)} ${Buffer.from(value === "=" ? "" : value, "base64").toString("hex")}`;
}

function wordOf(word: string): string {
  return decodeURIComponent(word);
}

const systemFlags = new Map([
  ["D", "\\Draft"],
  ["F", "\\Flagged"],
  ["R", "\\Answered"],
  ["S", "\\Seen"],
  ["T", "\\Deleted"],
]);

function readMaildir(
  folder: string,
  about: AboutMailbox,
): { uidValidity: number; messages: ReadMessage[] } {
  const letters = new Map(
    linesOf(join(folder, "dovecot-keywords")).map((line) => [
      String.fromCharCode(97 + Number.parseInt(line, 10)),
      line.slice(line.indexOf(" ") + 1),
    ]),
  );
  const { uidValidity, uidOfKey } = readUidList(folder);
  const messages: ReadMessage[] = [];
  for (const directory of ["new", "cur"]) {
    for (const name of readdirSync(join(folder, directory))) {
      if (name.startsWith(".")) continue;
      const [key = ""] = name.split(":", 1);
      const info = name.slice(key.length);
      const flags = info.startsWith(":2,") ? [...new Set(info.slice(3))] : [];
      const more = about.keywordsOf.get(key)?.map((n) => about.keywords.get(n)) ?? [];
      const path = join(folder, directory, name);
      const octets = servedOctets(readFileSync(path), key);
      const seconds = /^(\d{9,11})\./.exec(key)?.[1];
      messages.push({
        uid: uidOfKey.get(key) ?? Number.NaN,
        isRecent: directory === "new",
        flags: flags.flatMap((letter) => systemFlags.get(letter) ?? []).sort(),
        keywords: [...flags.map((letter) => letters.get(letter)), ...more]
          .filter((keyword) => keyword !== undefined)
          .sort(),
        internalDateMs: Math.round(statSync(path).mtimeMs),
        saveDateMs: Number(seconds ?? Number.NaN) * 1000,
        octets,
        ...idsOf(octets),
      });
    }
  }
  return { uidValidity, messages: inUidOrder(messages) };
}

/** "dovecot-uidlist" */
function readUidList(folder: string): { uidValidity: number; uidOfKey: Map<string, number> } {
  const [header = "", ...lines] = linesOf(join(folder, "dovecot-uidlist"));
  const [version, ...fields] = header.split(" ");
  if (version !== "3") throw new Error(header);
  const uidOfKey = new Map<string, number>();
  let last = 0;
  for (const line of lines) {
    const [, digits = "", name = ""] = /^(\d+)(?: [^:]\S*)* :(.+)$/.exec(line) ?? [];
    if (!(Number(digits) > last)) continue;
    last = Number(digits);
    uidOfKey.set(name.split(":", 1)[0] ?? "", last);
  }
  return {
    uidValidity: Number(fields.find((field) => field.startsWith("V"))?.slice(1)),
    uidOfKey,
  };
}

/** "Compression", then "Octets" */
function servedOctets(file: Buffer, key: string): Buffer {
  const size = /,S=(\d+)(?:,|$)/.exec(key)?.[1];
  const crlf = /,W=(\d+)(?:,|$)/.exec(key)?.[1];
  const hasSizes = size !== undefined && crlf !== undefined && Number(crlf) >= Number(size);
  const octets = inflated(file);
  const isKept = hasSizes && size === crlf && Number(size) === octets.length;
  return isKept ? octets : withCrlf(octets);
}

function inflated(file: Buffer): Buffer {
  if (file.subarray(0, 2).toString("hex") === "1f8b") return gunzipSync(file);
  if (file.subarray(0, 4).toString("hex") !== "28b52ffd") return file;
  const end = file.length;
  if (file.readUInt32LE(end - 4) !== 0x8f92eab1) return zstdDecompressSync(file);
  const frames = file.readUInt32LE(end - 9);
  const octets: Buffer[] = [];
  let from = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    const length = file.readUInt32LE(end - 9 - 8 * (frames - frame));
    octets.push(zstdDecompressSync(file.subarray(from, from + length)));
    from += length;
  }
  return Buffer.concat(octets);
}

function withCrlf(octets: Buffer): Buffer {
  return Buffer.from(octets.toString("latin1").replace(/(?<!\r)\n/g, "\r\n"), "latin1");
}

/** "EMAILID, THREADID, MAILBOXID" */
function idsOf(octets: Buffer): { emailId: string; threadId: string } {
  const sha256 = createHash("sha256").update(octets).digest("base64url");
  const [header = ""] = octets.toString("latin1").split(/\r?\n\r?\n/, 1);
  for (const name of ["references", "in-reply-to", "message-id"]) {
    const field = new RegExp(`^${name}:((?:.|\\n[ \\t])*)`, "im").exec(header)?.[1] ?? "";
    const identifier = /<\s*([^<>\s]+)\s*>/.exec(field)?.[1];
    if (identifier === undefined) continue;
    const digest = createHash("sha256").update(identifier).digest().subarray(0, 18);
    return { emailId: `M${sha256}`, threadId: `T${digest.toString("base64url")}` };
  }
  return { emailId: `M${sha256}`, threadId: `T${sha256}` };
}

const storeFields =
  /^(X-IMAPbase|X-IMAP|X-UID|Status|X-Status|X-Keywords|Content-Length|Lines|X-Posthouse-Mbox):/i;
const fromLine = /^From (?:.* )?\w{3} (\w{3}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4}) \+0000$/;

/** "mbox", as the store itself writes it: each message has a Content-Length. */
function readMbox(
  file: Buffer,
  uidValidityOfEmpty: number,
): { uidValidity: number; messages: ReadMessage[] } {
  const text = file.toString("latin1");
  const messages: ReadMessage[] = [];
  let uidValidity = uidValidityOfEmpty;
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.indexOf("\n", at);
    const [, month, day, time, year] = fromLine.exec(text.slice(at, lineEnd)) ?? [];
    if (month === undefined) throw new Error(`no From_ line at ${at}`);
    const headerEnd = lineEnd + 1 + endOfHeader(text.slice(lineEnd + 1));
    const lines = text
      .slice(lineEnd + 1, headerEnd)
      .split(/(?<=\n)(?![ \t])/)
      .filter((line) => !/^\r?\n$/.test(line));
    const field = (name: string): string => {
      const line = lines.find((one) => one.toLowerCase().startsWith(`${name}:`)) ?? "";
      return Buffer.from(line.slice(name.length + 1), "latin1")
        .toString("utf8")
        .trim();
    };
    const bodyEnd = headerEnd + Number(field("content-length"));
    if (messages.length === 0) uidValidity = Number(field("x-imapbase").split(" ")[0]);
    const [saved = "", , ...form] = field("x-posthouse-mbox").split(" ");
    const emptyLine = text.slice(headerEnd - 2, headerEnd) === "\r\n" ? "\r\n" : "\n";
    const octets = ofForm(
      lines.filter((line) => !storeFields.test(line)).join(""),
      emptyLine,
      text.slice(headerEnd, bodyEnd),
      new Set(form),
    );
    const status = field("status");
    messages.push({
      uid: Number(field("x-uid")),
      isRecent: !status.includes("O"),
      flags: [
        ...(status.includes("R") ? ["\\Seen"] : []),
        ...Array.from(field("x-status"), (letter) => xStatus.get(letter) ?? ""),
      ].sort(),
      keywords: field("x-keywords")
        .split(" ")
        .filter((one) => one !== "")
        .sort(),
      internalDateMs: Date.parse(`${day} ${month} ${year} ${time} UTC`),
      saveDateMs: Number(saved.slice("saved=".length)) * 1000,
      octets,
      ...idsOf(octets),
    });
    at = bodyEnd + (/^\n*/.exec(text.slice(bodyEnd, bodyEnd + 16))?.[0].length ?? 0);
  }
  return { uidValidity, messages: inUidOrder(messages) };
}

const xStatus = new Map([
  ["A", "\\Answered"],
  ["F", "\\Flagged"],
  ["T", "\\Draft"],
  ["D", "\\Deleted"],
]);

/** Behind the first empty line. */
function endOfHeader(text: string): number {
  const empty = /(?<=^|\n)\r?\n/.exec(text);
  return empty === null ? text.length : empty.index + empty[0].length;
}

function ofForm(header: string, emptyLine: string, body: string, form: Set<string>): Buffer {
  let text = body;
  if (!form.has("body")) {
    const lines = form.has("cut") ? header.replace(/\r?\n$/, "") : header;
    text = lines + (form.has("open") ? "" : emptyLine) + body;
  }
  if (form.has("quoted")) text = text.replace(/(?<=^|\n)>(>*From )/g, "$1");
  const octets = Buffer.from(text, "latin1");
  return form.has("exact") ? octets : withCrlf(octets);
}

function inUidOrder(messages: ReadMessage[]): ReadMessage[] {
  return messages.sort((a, b) => a.uid - b.uid);
}

function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

function hex(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, "0");
}
