import {
  type FlagChange,
  type MessageColumns,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import { defineCommand } from "../command.ts";
import { indexOf, type MailboxView } from "../mailbox-view.ts";
import { bad, refusalOf } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import type { CommandReader } from "../syntax/command-reader.ts";

/** STORE: RFC 3501 §6.4.6. */
export const store = defineStore({ name: "STORE", isUid: false });
/** UID STORE: RFC 3501 §6.4.8. */
export const uidStore = defineStore({ name: "UID STORE", isUid: true });

function defineStore({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    async run({ selected }, args, { output }) {
      args.sp();
      const set = args.sequenceSet();
      args.sp();
      const { change, isSilent } = readChange(args);
      args.end();

      if (selected.mailbox.isReadOnly) throw refusalOf["read-only"]();
      const uids = selected.resolve(set, isUid);
      const known = uids.filter((uid) => selected.view.rowOf(uid) !== undefined);
      const before = selected.view.columns;
      const owed = new Set(selected.view.changedUids());
      if (known.length > 0) await selected.mailbox.changeFlags(known, change);
      await selected.refresh();

      if (isSilent) await keepSilent(selected.view, { before, owed, change }, output);
      else await tellAll(selected, known, output, isUid);
      // A gone message has no flags to store (RFC 2180 §4.2.1); a UID that is gone is no error (RFC 3501 §6.4.8).
      if (known.length < uids.length && !isUid) throw refusalOf.gone();
      return { text: `${name} completed` };
    },
  });
}

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

/**
 * RFC 3501 §6.4.6: the client knows what its own STORE does, but .SILENT is not silent about what
 * somebody else did, before (`owed`) or in between.
 */
async function keepSilent(
  view: MailboxView,
  {
    before,
    owed,
    change,
  }: {
    readonly before: MessageColumns;
    readonly owed: ReadonlySet<number>;
    readonly change: FlagChange;
  },
  output: ResponseWriter,
): Promise<void> {
  for (const uid of view.changedUids()) {
    const was = flagsIn(before, uid);
    const is = flagsIn(view.columns, uid);
    if (was === undefined || is === undefined || owed.has(uid)) continue;
    if (flagsKey(changed(was, change)) === flagsKey(is)) view.flagsTold(uid);
    await output.pace();
  }
}

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
