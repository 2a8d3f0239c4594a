import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { limits } from "../limits.ts";
import { readIfThere } from "../maildir/durable-file.ts";
import { canonicalName, folderOfName } from "../maildir/folder-name.ts";
import { keywordLettersMax } from "../maildir/keyword-list.ts";
import { decodeModifiedUtf7 } from "../maildir/modified-utf7.ts";
import type { NameStyle } from "../maildir/name-style.ts";
import { parseSubscriptions } from "../maildir/subscriptions.ts";
import { sourceOf } from "../mbox/mbox-journal.ts";
import { StoreError } from "../store-error.ts";
import { isKeyword } from "../writer/keyword-table.ts";
import { countedMessages } from "./counted-messages.ts";
import { type FoundMailbox, findMailboxes } from "./find-mboxes.ts";
import { lockToLook } from "./lock-source.ts";
import { type MboxSurvey, surveyMbox } from "./mbox-source.ts";
import {
  type RemarkOptions,
  readFolder,
  type SourceFolder,
  type SourceOptions,
  type SourceTree,
  styleOf,
} from "./source-tree.ts";

/** Reads a tree of mbox files as find-mboxes.ts describes it, and changes nothing in it. */
export async function readMboxTree(path: string, options: SourceOptions): Promise<SourceTree> {
  if (existsSync(join(path, "posthouse-account"))) {
    throw new StoreError(
      "not-permitted",
      `"${path}" is an account of Posthouse in mbox: its directory can be copied as it is`,
    );
  }
  const found = findMailboxes(path, options);
  if (!found.mailboxes.some(({ kind }) => kind === "mbox")) {
    throw new StoreError(
      "not-permitted",
      `"${path}" is no Maildir, and there is no mbox in it. Of a Maildir name the directory that holds "cur", "new" and "tmp"`,
    );
  }
  const style = styleOf(path, { format: "mbox", layout: "fs", entries: [], options });
  const remarks: string[] = [];
  const remarking = { ...options, remarks };
  const folders: SourceFolder[] = [];
  const names = new Set<string>();
  for (const mailbox of found.mailboxes) {
    const name = freeName(mailbox, names, { isUtf8: options.encoding === "utf-8", remarks });
    const folder = folderOfName(name, style);
    if (mailbox.kind === "mbox") {
      folders.push(await readMbox(mailbox.path, { name, folder, remarking }));
    } else folders.push(readFolder(mailbox.path, folder, style, remarking));
  }
  if (!names.has("INBOX")) {
    folders.unshift(readFolder(join(path, "inbox"), "", style, remarking));
    if (options.isForCopy !== true) {
      remarks.push(
        "No file is INBOX, which begins empty: name one with --inbox, such as /var/mail/ann",
      );
    }
  }
  if (options.isForCopy !== true) remarks.push(...clientRemarksOnTree(path, folders));
  remarks.push(...remarksOnTree(path, found.ignored));
  const subscribed = subscribedIn(path, style);
  return { path, format: "mbox", layout: "fs", style, folders, subscribed, remarks };
}

/** Whether readMboxTree() is asked for: no Maildir, and there is something to read. */
export function isMboxTree(path: string): boolean {
  return existsSync(path) && !existsSync(join(path, "cur")) && !existsSync(join(path, "new"));
}

/** Two files may have one name, as `inbox` beside the file that was named, or when their Unicode is composed. */
function freeName(
  { levels, path }: FoundMailbox,
  names: Set<string>,
  { isUtf8, remarks }: { readonly isUtf8: boolean; readonly remarks: string[] },
): string {
  const decoded = levels.map((level) => (isUtf8 ? level : (decodeModifiedUtf7(level) ?? level)));
  const wanted = levels.length === 0 ? "INBOX" : canonicalName(decoded.join("/"));
  let name = wanted;
  for (let number = 2; names.has(name); number += 1) name = `${wanted}-${number}`;
  if (name !== wanted) remarks.push(`"${path}" becomes "${name}", since there is a "${wanted}"`);
  names.add(name);
  return name;
}

async function readMbox(
  path: string,
  about: {
    readonly name: string;
    readonly folder: string;
    readonly remarking: RemarkOptions & { readonly remarks: string[] };
  },
): Promise<SourceFolder> {
  const { name, folder, remarking } = about;
  using locked = await lockToLook(path);
  const survey = await inTurns(surveyMbox(sourceOf(locked.fd)));
  if (remarking.isForCopy !== true) remarking.remarks.push(...clientRemarksOnMbox(name, survey));
  remarking.remarks.push(...remarksOnMbox(name, survey));
  const { base } = survey;
  return {
    path,
    folder,
    name,
    files: [],
    bytes: survey.bytes,
    uids: base && {
      uidValidity: base.uidValidity,
      uidNext: base.uidLast + 1,
      guid: undefined,
      entries: [],
      damagedLines: 0,
    },
    letters: (base?.keywords ?? []).filter(isKeyword).slice(0, keywordLettersMax),
    keywordsOf: new Map(),
    packed: 0,
    mbox: survey,
  };
}

async function inTurns<Result>(steps: Generator<undefined, Result>): Promise<Result> {
  let turnMs = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - turnMs < turnMsMax) continue;
    await nextTurn();
    turnMs = performance.now();
  }
}

const turnMsMax = 10;

function* clientRemarksOnMbox(name: string, survey: MboxSurvey): Generator<string> {
  const { base, messages, withoutUid } = survey;
  if (base === undefined && messages > 0) {
    yield `"${name}" has no X-IMAPbase with a UIDVALIDITY: clients fetch it (${countedMessages(messages)}) again, under new UIDs`;
  } else if (withoutUid > 0) {
    yield `Of "${name}" ${countedMessages(withoutUid)} without an X-UID, or with that of another, ${withoutUid === 1 ? "gets a new UID" : "get new UIDs"}`;
  }
}

function* remarksOnMbox(name: string, { keywords, isCut }: MboxSurvey): Generator<string> {
  if (keywords.length > limits.keywordsMax) {
    yield `"${name}" has more than ${limits.keywordsMax} keywords: further ones are not taken over`;
  }
  if (isCut) yield `"${name}" ends inside the header of a message: that much of it is taken`;
}

function* clientRemarksOnTree(path: string, folders: readonly SourceFolder[]): Generator<string> {
  const nameless = folders.filter(({ mbox }) => mbox?.messages === 0 && mbox.base === undefined);
  if (nameless.length > 0) {
    const names = nameless.map(({ name }) => `"${name}"`).join(", ");
    yield `Empty, and therefore without a UIDVALIDITY in the file: ${names}. They get new ones, and there is nothing to fetch again`;
  }
  if (existsSync(join(path, ".imap"))) {
    yield "Clients that ask for changes by MODSEQ are given all flags once more: Dovecot keeps its own numbers in its index";
    yield "POP3 clients that leave mail on the server may fetch it once more: their unique ids are other ones";
  }
}

function* remarksOnTree(path: string, ignored: readonly string[]): Generator<string> {
  if (existsSync(join(path, ".imap"))) {
    yield "UIDs, flags and keywords are taken from the files: Dovecot may have some in its index only until it is stopped";
  }
  for (const one of ignored.slice(0, ignoredTold)) yield `${one}, and is left out`;
  if (ignored.length > ignoredTold) {
    yield `${ignored.length - ignoredTold} further files are no mbox and are left out`;
  }
}

/** In the home directory of somebody who keeps more than mail in it there are many. */
const ignoredTold = 20;

/** Names as the store writes them. */
function subscribedIn(path: string, style: NameStyle): ReadonlySet<string> {
  const dovecot = readBeside(path, ".subscriptions");
  if (dovecot !== undefined) {
    const isOld = !dovecot.toString("latin1").startsWith("V\t2");
    return parseSubscriptions(isOld ? withTabs(dovecot.toString()) : dovecot, style);
  }
  const within = readBeside(path, ".mailboxlist");
  const above = within ?? readBeside(dirname(path), ".mailboxlist");
  if (above === undefined) return new Set();
  // c-client's names begin at the home directory: `mail/Sent`.
  const start = `${basename(path)}/`;
  const lines = above
    .toString()
    .split(/\r?\n/)
    .filter((line) => within !== undefined || line === "INBOX" || line.startsWith(start))
    .map((line) => (line.startsWith(start) ? line.slice(start.length) : line));
  return parseSubscriptions(withTabs(lines.join("\n")), style);
}

const withTabs = (lines: string) => Buffer.from(`V\t2\n\n${lines.replaceAll("/", "\t")}`);

function readBeside(path: string, name: string): Buffer | undefined {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? readIfThere(join(path, name)) : undefined;
}
