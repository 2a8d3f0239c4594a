import assert from "node:assert/strict";
import { test } from "node:test";
import { SpoolReader } from "@posthouse/file-spool";
import { type ImapEvent, imapEventLimits, parseEvent } from "@posthouse/imap-events";
import { parseTranscript, playTranscript } from "@posthouse/transcript";
import { type ImapServer, startImapServer } from "./imap-server.ts";

/** What lmtp-delivery is told, in short; the answers to the commands are those of the dialogue. */
async function toldOf(server: ImapServer, dialogue: string): Promise<readonly string[]> {
  await playTranscript(parseTranscript(dialogue), server);
  const directory = server.context.config.sieve.imapEventsDirectory;
  const spool = new SpoolReader({ directory, bytesMax: imapEventLimits.eventBytesMax });
  const events: ImapEvent[] = [];
  for (const name of await spool.list()) {
    const event = parseEvent((await spool.read(name)) ?? "");
    if (event !== undefined) events.push(event);
    await spool.remove(name);
  }
  return events.map(({ cause, mailbox, script, account, user, messages }) => {
    const guest = user === account ? "" : ` of ${account} by ${user}`;
    const what = messages.map(({ uids, changedFlags }) => [uids, ...changedFlags].join(" "));
    return `${script}: ${cause} ${mailbox}${guest} ${what.join("; ")}`;
  });
}

const login = "S: * OK $*\nC: a0 LOGIN ann secret\nS: a0 OK $*\n";

test("new messages and changed flags of a mailbox with a script are told of, of others not", async () => {
  await using server = await startImapServer();
  const told = await toldOf(
    server,
    `${login}
C: a1 APPEND INBOX {6+}
C: a: b
C:
S: a1 OK $*
C: a2 SETMETADATA Archive (/shared/imapsieve/script "watch")
S: a2 OK $*
C: a3 APPEND Archive (\\Seen) {6+}
C: a: 1
C:  {6+}
C: a: 2
C:
S: a3 OK $*
C: a4 SELECT INBOX
S: ...
S: a4 OK $*
C: a5 COPY 1 Archive
S: a5 OK $*
C: a6 STORE 1 +FLAGS.SILENT (\\Flagged)
S: a6 OK $*
C: a7 MOVE 1 Archive
S: ...
S: a7 OK $*
C: a8 SELECT Archive
S: ...
S: a8 OK $*
C: b1 STORE 1:2 +FLAGS (\\Seen \\Flagged work)
S: ...
S: b1 OK $*
C: b2 STORE 1:2 +FLAGS (\\Seen)
S: ...
S: b2 OK $*
C: b3 FETCH 4 BODY[]
S: ...
S: b3 OK $*
C: b4 FETCH 4 BODY[]
S: ...
S: b4 OK $*
C: b5 UID STORE 1 FLAGS ()
S: ...
S: b5 OK $*
C: b6 SETMETADATA Archive (/shared/imapsieve/script "")
S: b6 OK $*
C: b7 STORE 1 +FLAGS (\\Seen)
S: ...
S: b7 OK $*
`,
  );
  assert.deepEqual(told, [
    "watch: APPEND Archive 1:2",
    "watch: COPY Archive 3",
    "watch: COPY Archive 4",
    "watch: FLAG Archive 1 \\Flagged work; 2 \\Flagged \\Seen work",
    "watch: FLAG Archive 4 \\Seen",
    "watch: FLAG Archive 1 \\Flagged \\Seen work",
  ]);
});

test("RFC 6785 §2.3.1: the script of the account is for mailboxes that say nothing of one", async () => {
  await using server = await startImapServer();
  const told = await toldOf(
    server,
    `${login}
C: a1 SETMETADATA "" (/shared/imapsieve/script "all")
S: a1 OK $*
C: a2 SETMETADATA Archive (/shared/imapsieve/script "")
S: a2 OK $*
C: a3 APPEND INBOX {6+}
C: a: b
C:
S: a3 OK $*
C: a4 APPEND Archive {6+}
C: a: b
C:
S: a4 OK $*
C: a5 SETMETADATA "" (/shared/imapsieve/script NIL)
S: a5 OK $*
C: a6 APPEND INBOX {6+}
C: a: b
C:
S: a6 OK $*
`,
  );
  assert.deepEqual(told, ["all: APPEND INBOX 1"]);
});

test("of a shared mailbox its owner's script runs, which a guest cannot choose", async () => {
  await using server = await startImapServer();
  const own = await toldOf(
    server,
    `${login}
C: a1 CREATE Team
S: a1 OK $*
C: a2 SETACL Team bob@example.org lrswit
S: a2 OK $*
C: a3 SETMETADATA Team (/shared/imapsieve/script "team")
S: a3 OK $*
`,
  );
  assert.deepEqual(own, []);
  const told = await toldOf(
    server,
    `S: * OK $*
C: a0 LOGIN bob secret
S: a0 OK $*
C: a1 SETMETADATA Shared/ann@example.org/Team (/shared/imapsieve/script "other")
S: a1 NO [NOPERM] $*
C: a2 APPEND Shared/ann@example.org/Team {6+}
C: a: b
C:
S: a2 OK $*
C: a3 SELECT Shared/ann@example.org/Team
S: ...
S: a3 OK $*
C: a4 STORE 1 +FLAGS (\\Seen)
S: ...
S: a4 OK $*
C: a5 STORE 1 +FLAGS (\\Seen \\Flagged)
S: ...
S: a5 OK $*
`,
  );
  assert.deepEqual(told, [
    "team: APPEND Team of ann@example.org by bob@example.org 1",
    "team: FLAG Team of ann@example.org by bob@example.org 1 \\Flagged",
  ]);
});

test("a command is done also where nothing can be told of it", async () => {
  await using server = await startImapServer();
  const { rm } = await import("node:fs/promises");
  await rm(server.context.config.sieve.imapEventsDirectory, { recursive: true });
  await playTranscript(
    parseTranscript(`${login}
C: a1 SETMETADATA INBOX (/shared/imapsieve/script "watch")
S: a1 OK $*
C: a2 APPEND INBOX {6+}
C: a: b
C:
S: a2 OK [APPENDUID $*
`),
    server,
  );
});
