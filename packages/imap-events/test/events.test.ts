import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SpoolReader } from "@posthouse/file-spool";
import {
  EventWriter,
  type ImapEvent,
  imapEventLimits,
  parseEvent,
  rangesOf,
} from "../src/index.ts";

const event: ImapEvent = {
  version: 1,
  account: "ann@example.org",
  user: "bob@example.org",
  cause: "FLAG",
  mailbox: "Work/Ä \n",
  mailboxId: "F0001",
  uidValidity: 7,
  script: "on change",
  messages: [{ uids: "1:3,9", changedFlags: ["\\Seen", "$x"] }],
};

test("an event is read as it was written", async () => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-events-"));
  try {
    await new EventWriter(directory).write(event);
    const reader = new SpoolReader({ directory, bytesMax: imapEventLimits.eventBytesMax });
    const [name = ""] = await reader.list();
    assert.deepEqual(parseEvent((await reader.read(name)) ?? ""), event);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("what is no event is none", () => {
  const damaged = [
    "",
    "{}",
    "[]",
    "null",
    JSON.stringify({ ...event, version: 2 }),
    JSON.stringify({ ...event, cause: "EXPUNGE" }),
    JSON.stringify({ ...event, messages: [{ uids: "1:*", changedFlags: [] }] }),
    JSON.stringify({ ...event, messages: [{ uids: "1", changedFlags: [1] }] }),
  ];
  for (const text of damaged) assert.equal(parseEvent(text), undefined, text);
});

test("a set of UIDs is read as its ranges", () => {
  assert.deepEqual(
    [...rangesOf("1:3,9,7:5")],
    [
      [1, 3],
      [9, 9],
      [5, 7],
    ],
  );
});
