import {
  type FlagChange,
  type MessageColumns,
  type ModSeq,
  type SystemFlag,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import { defineCommand } from "../command.ts";
import { indexOf, type MailboxView } from "../mailbox-view.ts";
import { completedUpTo, highest } from "../message-limit.ts";
import { bad, no, type ResponseCode, refusalOf } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { ChangedFlags } from "../script-events.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { formatUidSet } from "../syntax/sequence-set.ts";

/** STORE: RFC 3501 §6.4.6. */
export const store = defineStore({ name: "STORE", isUid: false });
/** UID STORE: RFC 3501 §6.4.8. */
export const uidStore = defineStore({ name: "UID STORE", isUid: true });

function defineStore({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    ...(!isUid && { countsMessages: true }),
    async run({ selected }, args, session) {
      args.sp();
      const set = args.sequenceSet();
      args.sp();
      const unchangedSince = readUnchangedSince(args);
      const { change, isSilent } = readChange(args);
      args.end();
      // RFC 7162 §3.1: from now on each FETCH has a modseq.
      if (unchangedSince !== undefined) session.enable("CONDSTORE");

      if (selected.mailbox.isReadOnly) throw refusalOf["read-only"]();
      const { uids, stop } = highest(
        selected.resolve(set, isUid),
        session.messageLimits.perCommand,
      );
      const known = uids.filter((uid) => selected.view.rowOf(uid) !== undefined);
      const before = selected.view.columns;
      const owed = new Set(selected.view.changedUids());
      const modified = await changeFlags(selected, known, { ...change, ...unchangedSince });
      await selected.refresh();
      await session.noteFlags(() =>
        changedFlags(known, { before, after: selected.view.columns, change }),
      );

      const { output } = session;
      selected.tellFlagNames(output);
      // RFC 9738 §3.1: where it stops it goes from the highest down.
      const inTurn = stop === undefined ? known : known.toReversed();
      if (isSilent) {
        await keepSilent(selected.view, { stored: new Set(known), before, owed, change }, output);
        // RFC 7162 §3.1.3: also in silence the client needs the modseqs.
        if (session.enabled.has("CONDSTORE")) await tellModSeqs(selected, inTurn, modified, output);
      } else {
        await tellAll(selected, inTurn, output, isUid);
      }
      const code = modifiedCode(selected, modified, isUid);
      // A gone message has no flags to store (RFC 2180 §4.2.1); a UID that is gone is no error (RFC 3501 §6.4.8).
      if (known.length < uids.length && !isUid) throw goneWith(code);
      if (code === undefined) return completedUpTo(stop, name, { output });
      // RFC 7162 §3.1.3: MODIFIED is in the tagged response.
      const other = { text: "Some of the messages were changed meanwhile", code };
      return completedUpTo(stop, name, { output, other });
    },
  });
}

/** `(UNCHANGEDSINCE 12121230045) `: RFC 7162 §3.1.3. */
function readUnchangedSince(args: CommandReader): { readonly unchangedSince: ModSeq } | undefined {
  if (args.peek() !== "(") return undefined;
  let modSeq: number | undefined;
  args.parenthesised(
    () => {
      const name = args.keyword();
      if (name !== "UNCHANGEDSINCE") throw bad(`Unknown modifier ${name.slice(0, 40)}`);
      args.sp();
      modSeq = args.modSequence();
    },
    { min: 1, max: 1 },
  );
  args.sp();
  return { unchangedSince: modSeq as ModSeq };
}

/** Those that were left alone, because they changed after UNCHANGEDSINCE; ascending. */
async function changeFlags(
  { mailbox }: SelectedMailbox,
  uids: readonly Uid[],
  change: FlagChange,
): Promise<readonly Uid[]> {
  if (uids.length === 0) return [];
  const { modified } = await mailbox.changeFlags(uids, change);
  return modified.toSorted((one, other) => one - other);
}

function modifiedCode(
  { view }: SelectedMailbox,
  modified: readonly Uid[],
  isUid: boolean,
): ResponseCode | undefined {
  if (modified.length === 0) return undefined;
  const numbers = isUid ? modified : modified.map((uid) => view.sequenceOf(uid) ?? 0);
  return `MODIFIED ${formatUidSet(numbers)}`;
}

/** RFC 7162 §3.1.3: which of those that are there were left alone counts more than that others are gone. */
const goneWith = (code: ResponseCode | undefined) =>
  code === undefined ? refusalOf.gone() : no(code, "Some of the messages no longer exist");

const modes: ReadonlyMap<string, FlagChange["mode"]> = new Map([
  ["FLAGS", "replace"],
  ["+FLAGS", "add"],
  ["-FLAGS", "remove"],
]);

function readChange(args: CommandReader): {
  readonly change: FlagChange;
  readonly isSilent: boolean;
} {
  const item = args.keyword();
  const isSilent = item.endsWith(".SILENT");
  const mode = modes.get(isSilent ? item.slice(0, -".SILENT".length) : item);
  if (mode === undefined) throw bad(`Unknown STORE item ${item.slice(0, 40)}`);
  args.sp();
  return { change: { mode, ...args.storeFlags() }, isSilent };
}

async function tellAll(
  selected: SelectedMailbox,
  uids: readonly Uid[],
  output: ResponseWriter,
  isUid: boolean,
): Promise<void> {
  for (const uid of uids) {
    selected.tellFlags(uid, output, isUid);
    await output.pace();
  }
}

/** All of it for those that somebody else changed, as the examples of RFC 7162 §3.1.3 recommend. */
async function tellModSeqs(
  selected: SelectedMailbox,
  uids: readonly Uid[],
  modified: readonly Uid[],
  output: ResponseWriter,
): Promise<void> {
  const toldWhole = new Set<number>([...modified, ...selected.view.changedUids()]);
  for (const uid of uids) {
    if (toldWhole.has(uid)) selected.tellFlags(uid, output, true);
    else selected.tellModSeq(uid, output);
    await output.pace();
  }
}

/**
 * RFC 3501 §6.4.6: the client knows what its own STORE does, but .SILENT is not silent about what
 * somebody else did, before (`owed`) or in between, be it the same to another message.
 */
export async function keepSilent(
  view: MailboxView,
  {
    stored,
    before,
    owed,
    change,
  }: {
    readonly stored: ReadonlySet<number>;
    readonly before: MessageColumns;
    readonly owed: ReadonlySet<number>;
    readonly change: FlagChange;
  },
  output: Pick<ResponseWriter, "pace">,
): Promise<void> {
  for (const uid of view.changedUids()) {
    if (!stored.has(uid)) continue;
    const was = flagsIn(before, uid);
    const is = flagsIn(view.columns, uid);
    if (was === undefined || is === undefined || owed.has(uid)) continue;
    if (flagsKey(changed(was, change)) === flagsKey(is)) view.flagsTold(uid);
    await output.pace();
  }
}

/** What this STORE changed, by the flags: what others did to other flags in between is not of it. */
export function changedFlags(
  uids: readonly Uid[],
  {
    before,
    after,
    change,
  }: {
    readonly before: MessageColumns;
    readonly after: MessageColumns;
    readonly change: FlagChange;
  },
): ChangedFlags {
  const groups = new Map<string, Uid[]>();
  const isAll = change.mode === "replace";
  const named = new Set(change.keywords.map((keyword) => keyword.toLowerCase()));
  for (const uid of uids) {
    const was = flagsIn(before, uid);
    const is = flagsIn(after, uid);
    if (was === undefined || is === undefined) continue;
    const differ = was.bits ^ is.bits;
    const flags: string[] = systemFlags.filter(
      (flag) =>
        (differ & systemFlagBits[flag]) !== 0 && (isAll || change.systemFlags.includes(flag)),
    );
    for (const keyword of was.keywords.symmetricDifference(is.keywords)) {
      if (isAll || named.has(keyword)) flags.push(keyword);
    }
    if (flags.length === 0) continue;
    const key = flags.join(" ");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [uid]);
    else group.push(uid);
  }
  return groups;
}

const systemFlags = Object.keys(systemFlagBits) as readonly SystemFlag[];

/** System flags as bits, and keywords without regard to case. */
interface Flags {
  readonly bits: number;
  readonly keywords: ReadonlySet<string>;
}

function flagsIn(columns: MessageColumns, uid: number): Flags | undefined {
  const row = indexOf(columns.uids, uid);
  if (row === undefined) return undefined;
  const keywords = columns.keywordSets[columns.keywordSet[row] ?? 0] ?? [];
  return {
    bits: columns.systemFlags[row] ?? 0,
    keywords: new Set(keywords.map((keyword) => keyword.toLowerCase())),
  };
}

function changed(flags: Flags, change: FlagChange): Flags {
  const bits = change.systemFlags.reduce((sum, flag) => sum | systemFlagBits[flag], 0);
  const keywords = new Set(change.keywords.map((keyword) => keyword.toLowerCase()));
  switch (change.mode) {
    case "replace":
      return { bits, keywords };
    case "add":
      return { bits: flags.bits | bits, keywords: flags.keywords.union(keywords) };
    case "remove":
      return { bits: flags.bits & ~bits, keywords: flags.keywords.difference(keywords) };
  }
}

const flagsKey = ({ bits, keywords }: Flags): string => `${bits} ${[...keywords].sort().join(" ")}`;
