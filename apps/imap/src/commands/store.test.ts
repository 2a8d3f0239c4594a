import assert from "node:assert/strict";
import { test } from "node:test";
import { type MessageColumns, systemFlagBits, type Uid } from "@posthouse/mailbox-store";
import { MailboxView } from "../mailbox-view.ts";
import { keepSilent } from "./store.ts";

const uids = [1, 2] as Uid[];

function columnsWith(systemFlags: readonly number[]): MessageColumns {
  return {
    length: uids.length,
    uids: Uint32Array.from(uids),
    systemFlags: Uint8Array.from(systemFlags),
    keywordSet: new Uint32Array(uids.length),
    keywordSets: [[]],
    modSeqs: new Float64Array(uids.length),
    sizes: new Float64Array(uids.length),
    internalDatesMs: new Float64Array(uids.length),
    saveDatesMs: new Float64Array(uids.length),
  };
}

test("a silent STORE is not silent about another client that did the same to another message meanwhile", async () => {
  const seen = systemFlagBits["\\Seen"];
  const before = columnsWith([0, 0]);
  const after = columnsWith([seen, seen]);
  const view = new MailboxView(before);
  view.apply({ before, after, added: [], changed: uids, vanished: [] });
  const change = { mode: "add", systemFlags: ["\\Seen"], keywords: [] } as const;
  const stored = new Set([1]);
  const output = { pace: async () => {} };
  await keepSilent(view, { stored, before, owed: new Set(), change }, output);
  assert.deepEqual(view.changedUids(), [2]);
});
