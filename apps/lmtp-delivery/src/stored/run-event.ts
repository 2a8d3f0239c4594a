import type { Account } from "@posthouse/accounts";
import { type EventMessages, type ImapEvent, rangesOf } from "@posthouse/imap-events";
import {
  type AccountMail,
  type AccountScripts,
  type Mailbox,
  type MailStore,
  type ScriptStore,
  StoreError,
  type Uid,
} from "@posthouse/mailbox-store";
import type { EventTrail, Logger } from "@posthouse/service";
import {
  type Program,
  type ProgramCache,
  runScripts,
  SieveRunError,
  SieveScriptError,
  type Surroundings,
} from "@posthouse/sieve";
import { surroundingsOf } from "../filter/account-surroundings.ts";
import { AddressLists } from "../filter/address-lists.ts";
import { tellOfFailure, untilMended } from "../filter/failure-notice.ts";
import type { GlobalScripts } from "../filter/global-scripts.ts";
import type { OutgoingMail } from "../filter/outgoing-mail.ts";
import type { Programs } from "../filter/programs.ts";
import { type FilterKinds, scoresOf } from "../filter/scores.ts";
import type { WebNotes } from "../web-notes.ts";
import { actOnStored } from "./act-on-stored.ts";
import { flagsOfRow, rowOf } from "./message-flags.ts";
import type { SendingPace } from "./sending-pace.ts";
import { storedSource } from "./stored-source.ts";

export interface EventRunOptions {
  readonly store: MailStore;
  readonly scripts: ScriptStore;
  readonly globals: GlobalScripts;
  /** Of scripts that IMAP starts: what answers a delivery is an error in them. */
  readonly programs: Programs;
  readonly outgoing: OutgoingMail;
  readonly webNotes: WebNotes;
  readonly notifyHosts: readonly string[];
  readonly pace: SendingPace;
  readonly detailSeparator: string;
  readonly listsDirectory: string | undefined;
  readonly filterKinds: FilterKinds;
  readonly hostname: string;
  readonly events: EventTrail;
  readonly log: Logger;
}

interface Running extends EventRunOptions {
  readonly cache: ProgramCache;
  readonly account: Account;
  readonly mail: AccountMail;
  readonly mailbox: Mailbox;
  readonly own: AccountScripts;
  readonly lists: AddressLists;
  readonly program: Program;
  readonly event: ImapEvent;
  readonly name: string;
}

/**
 * Runs the script of a mailbox for every message of an event (RFC 6785 §2.2): each by itself, as it is now. What
 * is gone by now is passed over, and so is a script that is not there any more (§2.3.1).
 */
export async function runEvent(
  options: EventRunOptions,
  {
    account,
    event,
    name,
    signal,
  }: {
    readonly account: Account;
    readonly event: ImapEvent;
    /** The same when it is run again. */
    readonly name: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const own = options.scripts.of(account);
  await using mail = await options.store.openAccount(account);
  await using mailbox = await openById(mail, event);
  if (mailbox === undefined) return;
  const octets = await own.get(event.script);
  if (octets === undefined) return;
  try {
    const cache = await options.programs.cache();
    const program = cache.compile(octets);
    const { hostname, listsDirectory: directory } = options;
    const lists = new AddressLists({ scripts: own, hostname, directory });
    const running = { ...options, cache, account, mail, mailbox, own, lists, program, event, name };
    for (const messages of event.messages) await runForAll(running, messages, signal);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    const { script } = event;
    const { hostname, events } = options;
    events.record({ type: "filter-failed", messageId: name, recipient: account.address, reason });
    const failure = { script, reason, messageId: name, hostname, meanwhile: untilMended.stored };
    await tellOfFailure({ account, mail, scripts: own, ...failure });
  }
}

/** What is wrong with the script; undefined for what is no fault of it. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof SieveScriptError) return error.message;
  if (!(error instanceof SieveRunError)) return undefined;
  const { message, place, script } = error;
  const where = script === undefined ? "" : `in "${script}", `;
  return `${where}line ${place.line}: ${message}`;
}

/** Whatever it is called now. */
async function openById(mail: AccountMail, event: ImapEvent): Promise<Mailbox | undefined> {
  const found = (await mail.listMailboxes()).find(
    ({ exists, mailboxId }) => exists && mailboxId === event.mailboxId,
  );
  if (found === undefined) return undefined;
  const mailbox = await mail.openMailbox(found.name);
  if (mailbox.uidValidity === event.uidValidity) return mailbox;
  await mailbox[Symbol.asyncDispose]();
  return undefined;
}

async function runForAll(
  running: Running,
  { uids, changedFlags }: EventMessages,
  signal: AbortSignal,
): Promise<void> {
  const { mailbox } = running;
  for (const [first, last] of rangesOf(uids)) {
    await mailbox.sync(mailbox.columns);
    // Those that are there: a range may name any number.
    for (const uid of mailbox.columns.uids.filter((one) => one >= first && one <= last)) {
      signal.throwIfAborted();
      await runForOne(running, uid as Uid, changedFlags);
    }
  }
}

async function runForOne(
  running: Running,
  uid: Uid,
  changedFlags: readonly string[],
): Promise<void> {
  const { mailbox, program, cache, name, own } = running;
  const row = rowOf(mailbox.columns, uid);
  await using message = await openIfThere(mailbox, uid);
  if (row === undefined || message === undefined) return;
  const flags = flagsOfRow(mailbox.columns, row);
  const internalDateMs = mailbox.columns.internalDatesMs[row] ?? 0;
  const { source, spool } = await storedSource(message);
  const seen = { ...surroundings(running, changedFlags), flags };
  const scores = scoresOf(source.header, running.filterKinds);
  const result = await runScripts(
    [program],
    source,
    { ...seen, scores },
    { compile: (script) => cache.compile(script) },
  );
  const key = `${name} ${uid}`;
  const about = { uid, flags, internalDateMs, key, source, spool, scripts: own };
  await actOnStored({ ...running, ...about }, result);
}

async function openIfThere(mailbox: Mailbox, uid: Uid) {
  try {
    return await mailbox.openMessage(uid);
  } catch (error) {
    const isGone = error instanceof StoreError && /^(?:gone|unreadable)$/.test(error.code);
    if (isGone) return undefined;
    throw error;
  }
}

/** RFC 6785 §4: no envelope, and what the event was. */
function surroundings(running: Running, changedFlags: readonly string[]): Surroundings {
  const { account, own, event, hostname, detailSeparator } = running;
  const nowMs = Date.now();
  return {
    envelope: undefined,
    now: { ms: nowMs, offsetMinutes: -new Date(nowMs).getTimezoneOffset() },
    detailSeparator,
    environment: new Map([
      ["domain", account.address.slice(account.address.lastIndexOf("@") + 1)],
      ["host", hostname],
      ["imap.cause", event.cause],
      ["imap.changedflags", changedFlags.join(" ")],
      ["imap.email", event.user],
      ["imap.mailbox", event.mailbox],
      ["imap.user", event.user],
      ["location", "MS"],
      ["name", "Posthouse"],
      ["phase", "post"],
      ["version", "1"],
    ]),
    ...surroundingsOf({ ...running, scripts: own }, nowMs),
  };
}
