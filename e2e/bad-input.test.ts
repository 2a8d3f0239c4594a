import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { appNames } from "@posthouse/service";
import { localToml } from "../apps/cli/src/local/local-config.ts";
import { eventually } from "./eventually.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { Inbox } from "./inbox.ts";
import { numberedMessage, numberOf } from "./numbered-message.ts";
import { NumberedReader } from "./numbered-reader.ts";
import { alice, bob, password } from "./people.ts";
import { Pop3Dialogue } from "./pop3-dialogue.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { SmallDisk } from "./small-disk.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { type Suite, startSuite } from "./suite.ts";
import { Traffic } from "./traffic.ts";

const KIB = 1024;
const messageBytesMax = 512 * KIB;
/** More than smtp-in and the store hold in memory. */
const LARGE = 300 * KIB;
const LONG_LINE = 100_000;

const messageOf = (subject: string, body: string | Buffer = "Hello.\r\n"): Buffer =>
  Buffer.concat([
    Buffer.from(`From: ${bob}\r\nTo: ${alice}\r\nSubject: ${subject}\r\n\r\n`),
    Buffer.from(body as string),
  ]);

const linesOf = (length: number): string =>
  "a line of a long message, and no end\r\n".repeat(length / 38);

/** What is only there while a message is on its way: files of tmp/, also those open without a name. */
async function unfinished(suite: Suite): Promise<string[]> {
  const { directory } = suite;
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const pid of await pidsOf(suite)) paths.push(...(await openFilesOf(pid)));
  return paths.filter(
    (path) => path.startsWith(directory) && /\/(?:tmp|held)\//.test(path.slice(directory.length)),
  );
}

async function openFilesOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => ""));
  return await Promise.all(links);
}

async function pidsOf(suite: Suite): Promise<readonly number[]> {
  return await Promise.all(appNames.map((app) => suite.pidOf(app)));
}

describe("broken and hostile clients", () => {
  let suite: Suite;
  let pids: readonly number[];
  /** Sessions that do nothing wrong, from the beginning to the end. */
  let inbox: Inbox;
  let sender: SmtpDialogue;

  before(async () => {
    const toml = `${localToml}\n[limits]\nmessage_bytes_max = ${messageBytesMax}\n`;
    suite = await startSuite({ toml });
    pids = await pidsOf(suite);
    inbox = await Inbox.open(suite.portOf("imap"), alice, password);
    sender = await SmtpDialogue.open(suite.portOf("smtp"));
  });
  after(async () => {
    inbox?.[Symbol.dispose]();
    sender?.[Symbol.dispose]();
    await suite?.[Symbol.asyncDispose]();
  });

  const openMx = () => SmtpDialogue.open(suite.portOf("smtp"));
  const openSubmission = async () => {
    const smtp = await SmtpDialogue.open(suite.portOf("submission"));
    await smtp.expect(235, smtp.login(bob, password));
    return smtp;
  };
  const openImap = () => ImapDialogue.login(suite.portOf("imap"), alice, password);

  /** Whatever happened: another session sends and another one reads, and nothing else has come. */
  async function othersGoOn(subject: string): Promise<void> {
    const octets = messageOf(subject);
    await sender.expect(250, sender.send({ from: bob, to: [alice], octets }));
    arrivedIs(await inbox.next(), octets);
  }

  /** One message, and it ends with these octets: all that is before them was put there on the way. */
  function arrivedIs(messages: readonly Buffer[], octets: Buffer): void {
    assert.equal(messages.length, 1);
    const [stored = Buffer.alloc(0)] = messages;
    assert.ok(
      stored.subarray(stored.length - octets.length).equals(octets),
      stored.toString("latin1"),
    );
  }

  const nothingIsUnfinished = () =>
    eventually("nothing unfinished is left", async () => (await unfinished(suite)).length === 0);
  const somethingIsUnfinished = () =>
    eventually("the message is on its way", async () => (await unfinished(suite)).length > 0);

  test("a wrong password and an unknown user hear the same, from every server", async () => {
    const answers = [];
    for (const user of [alice, "nobody@example.test"]) {
      using smtp = await SmtpDialogue.open(suite.portOf("submission"));
      using imap = await ImapDialogue.open(suite.portOf("imap"));
      using pop3 = await Pop3Dialogue.open(suite.portOf("pop3"));
      answers.push({
        smtp: (await smtp.login(user, "wrong")).text,
        imap: (await imap.command(`LOGIN ${user} wrong`)).completion,
        user: await pop3.command(`USER ${user}`),
        pass: await pop3.command("PASS wrong"),
      });
    }
    const [known, unknown] = answers;
    assert.match(known?.smtp ?? "", /^535 5\.7\.8 /);
    assert.match(known?.imap ?? "", /^NO \[AUTHENTICATIONFAILED\] /);
    assert.match(known?.pass ?? "", /^-ERR \[AUTH\] /);
    assert.deepEqual({ ...unknown, user: "" }, { ...known, user: "" });
    assert.equal(unknown?.user.replace("nobody", "alice"), known?.user);
  });

  test("an unknown recipient and a relay are refused at RCPT, and the others of the message get it", async () => {
    using smtp = await openMx();
    await smtp.expect(250, smtp.command(`MAIL FROM:<${bob}>`));
    assert.match((await smtp.command("RCPT TO:<ghost@example.test>")).text, /^550 5\.1\.1 /);
    assert.match((await smtp.command("RCPT TO:<user@remote.test>")).text, /^550 5\.7\.1 /);
    await smtp.expect(250, smtp.command(`RCPT TO:<${alice}>`));
    await smtp.expect(354, smtp.command("DATA"));
    const octets = messageOf("to those who are here");
    await smtp.expect(250, smtp.data(octets));
    arrivedIs(await inbox.next(), octets);
  });

  test("a message that says it is too large is refused before it comes", async () => {
    using smtp = await openMx();
    const size = messageBytesMax + 1;
    assert.match((await smtp.command(`MAIL FROM:<${bob}> SIZE=${size}`)).text, /^552 5\.3\.4 /);
    using imap = await openImap();
    const tag = await imap.begin(`APPEND INBOX {${size}}`);
    assert.match((await imap.answer(tag)).completion, /^NO \[TOOBIG\] /);
    await imap.ok("NOOP");
    await othersGoOn("after a large announcement");
  });

  test("a message that does not say so is refused at its end, and the session goes on", async () => {
    using smtp = await openMx();
    const octets = messageOf("too large", linesOf(messageBytesMax));
    assert.match((await smtp.send({ from: bob, to: [alice], octets })).text, /^552 5\.3\.4 /);
    await nothingIsUnfinished();
    const next = messageOf("of a good size");
    await smtp.expect(250, smtp.send({ from: bob, to: [alice], octets: next }));
    arrivedIs(await inbox.next(), next);
  });

  for (const [how, leave] of [
    ["closes", (client: SmtpDialogue | ImapDialogue) => client.dialogue.end()],
    ["is gone", (client: SmtpDialogue | ImapDialogue) => client.dialogue.reset()],
  ] as const) {
    test(`a client that ${how} in the middle of DATA leaves nothing behind`, async () => {
      using smtp = await openMx();
      await smtp.expect(354, smtp.begin(bob, [alice]));
      await smtp.dialogue.write(messageOf("never finished", linesOf(LARGE)));
      leave(smtp);
      await nothingIsUnfinished();
      await othersGoOn(`after one that ${how} in DATA`);
    });

    test(`a client that ${how} in the middle of a literal leaves nothing behind`, async () => {
      using imap = await openImap();
      await imap.beginAppend("INBOX", LARGE + 1000);
      await imap.dialogue.write(messageOf("never finished", linesOf(LARGE)));
      await somethingIsUnfinished();
      leave(imap);
      await nothingIsUnfinished();
      await othersGoOn(`after one that ${how} in a literal`);
    });
  }

  test("octets of 8 bits arrive as they are, announced or not, by SMTP and by IMAP", async () => {
    const every = Buffer.from(Array.from({ length: 128 }, (_, n) => 128 + n));
    const octets = messageOf("8 bits", Buffer.concat([every, Buffer.from("\r\n")]));
    using smtp = await openMx();
    for (const parameters of ["", "BODY=8BITMIME"]) {
      await smtp.expect(250, smtp.send({ from: bob, to: [alice], octets, parameters }));
      arrivedIs(await inbox.next(), octets);
    }
    using imap = await openImap();
    assert.match((await imap.append("INBOX", octets)).completion, /^OK /);
    arrivedIs(await inbox.next(), octets);
  });

  test("a NUL is refused by SMTP and by IMAP, and their sessions go on", async () => {
    const octets = messageOf("with a NUL", "before\0after\r\n");
    for (const smtp of [await openMx(), await openSubmission()]) {
      using _ = smtp;
      assert.match((await smtp.send({ from: bob, to: [alice], octets })).text, /^554 5\.6\.0 /);
      await smtp.expect(250, smtp.command("NOOP"));
    }
    using imap = await openImap();
    assert.match((await imap.append("INBOX", octets)).completion, /^(NO|BAD) /);
    await imap.ok("NOOP");
    await nothingIsUnfinished();
    await othersGoOn("after a NUL");
  });

  test("a line end that is not CRLF is refused from other hosts and repaired for our people", async () => {
    const octets = messageOf(
      "line ends",
      "one\ntwo\rthree\r\n.\n.\r\nMAIL FROM:<smuggled@example.test>\r\n",
    );
    using mx = await openMx();
    assert.match((await mx.send({ from: bob, to: [alice], octets })).text, /^550 5\.6\.11 /);
    using submission = await openSubmission();
    await submission.expect(250, submission.send({ from: bob, to: [alice], octets }));
    const repaired = octets.toString().replaceAll(/\r\n|\r|\n/g, "\r\n");
    arrivedIs(await inbox.next(), Buffer.from(repaired));
  });

  test("lines of 100,000 octets arrive octet for octet", async () => {
    const octets = messageOf(
      "long",
      `${"x".repeat(LONG_LINE)}\r\n.${"y".repeat(LONG_LINE)}\r\nz\r\n`,
    );
    for (const smtp of [await openMx(), await openSubmission()]) {
      using _ = smtp;
      await smtp.expect(250, smtp.send({ from: bob, to: [alice], octets }));
      arrivedIs(await inbox.next(), octets);
    }
    using imap = await openImap();
    assert.match((await imap.append("INBOX", octets)).completion, /^OK /);
    arrivedIs(await inbox.next(), octets);
    using pop3 = await Pop3Dialogue.open(suite.portOf("pop3"));
    await pop3.login(alice, password);
    const count = Number((await pop3.ok("STAT")).split(" ")[1]);
    arrivedIs([await pop3.retrieve(count)], octets);
    await pop3.ok("QUIT");
  });

  test("a command line of 100,000 octets is an error, and the session goes on", async () => {
    const long = "x".repeat(LONG_LINE);
    using smtp = await openMx();
    assert.match((await smtp.command(`MAIL FROM:<${long}>`)).text, /^500 5\.5\.2 /);
    await smtp.expect(250, smtp.command("NOOP"));
    using imap = await openImap();
    await imap.dialogue.write(`a LIST "" ${long}\r\n`);
    assert.match(await imap.dialogue.line(), /^(?:\*|a) BAD /);
    await imap.ok("NOOP");
    using pop3 = await Pop3Dialogue.open(suite.portOf("pop3"));
    assert.match(await pop3.command(`USER ${long}`), /^-ERR /);
    await pop3.login(alice, password);
    await othersGoOn("after long commands");
  });

  test("literals and chunks without end are refused when they are announced", async () => {
    using imap = await openImap();
    for (const command of ["APPEND INBOX {99999999999}", "SELECT {99999999999}"]) {
      assert.match((await imap.command(command)).completion, /^(NO|BAD) /, command);
    }
    await imap.ok("NOOP");
    using smtp = await openMx();
    await smtp.expect(250, smtp.address(bob, [alice]));
    await smtp.dialogue.write("BDAT 99999999999 LAST\r\n");
    smtp.dialogue.end();
    assert.match((await smtp.dialogue.rest()).toString(), /^(?:$|[45]\d\d )/);
    await othersGoOn("after endless announcements");
  });

  test("an empty message is a message", async () => {
    using smtp = await openMx();
    await smtp.expect(354, smtp.begin(bob, [alice]));
    await smtp.dialogue.write(".\r\n");
    await smtp.expect(250, smtp.reply());
    const [stored = Buffer.alloc(0)] = await inbox.next();
    for (const line of stored.toString().trimEnd().split("\r\n")) {
      assert.match(line, /^(?:Return-Path|Delivered-To|X-Original-To|Received):|^[ \t]/);
    }
    using imap = await openImap();
    const empty = await imap.append("INBOX", Buffer.alloc(0));
    assert.match(empty.completion, /^(OK|NO|BAD) /);
    if (empty.completion.startsWith("OK")) assert.equal((await inbox.next())[0]?.length, 0);
    await othersGoOn("after nothing");
  });

  test("a mailbox name cannot lead out of the account's folder", async () => {
    const account = join("mail", "example.test", "alice");
    const outside = async () =>
      (await readdir(suite.directory, { recursive: true }))
        .filter((path) => !path.startsWith(account) && !path.startsWith("events"))
        .sort();
    const before = await outside();
    using imap = await openImap();
    for (const name of [
      "../../etc",
      "..",
      "INBOX/../../../etc",
      "/etc/passwd",
      "~root",
      "...",
      "&AC4ALg-/etc",
      "..\\..\\etc",
      "x\x01\x7fy",
    ]) {
      const quoted = JSON.stringify(name).replaceAll(/\\u00../g, "");
      const created = await imap.command(`CREATE ${quoted}`);
      assert.match(created.completion, /^(OK|NO|BAD) /, name);
      if (!created.completion.startsWith("OK")) continue;
      assert.match((await imap.append(quoted, messageOf(name))).completion, /^OK /, name);
      assert.match((await imap.command(`RENAME ${quoted} "../up"`)).completion, /^NO /, name);
      await imap.ok(`RENAME ${quoted} "a.b/renamed"`);
      await imap.ok('DELETE "a.b/renamed"');
    }
    assert.deepEqual(await outside(), before);
  });

  test("after all this no server has died, and none has met what nobody foresaw", async () => {
    await nothingIsUnfinished();
    assert.deepEqual(await pidsOf(suite), pids);
    assert.deepEqual(
      suite.log.filter((line) => /\b(ERROR|FATAL)\b|nobody foresaw/.test(line)),
      [],
    );
  });
});

describe("a full disk", () => {
  const SOME = 20;
  let disk: SmallDisk | undefined;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "posthouse-full-"));
    if (process.getuid?.() === 0) disk = await SmallDisk.mount(directory, 24);
  });
  after(async () => {
    await disk?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  test("mail is refused for now, what is there can be read, and nothing accepted is lost", async (t) => {
    if (disk === undefined) return t.skip("a small file system takes root");
    const toml = `${localToml}retry_first_seconds = 1\nretry_wait_seconds_max = 2\n`;
    await using suite = await startSuite({ directory, toml });
    const pids = await pidsOf(suite);
    const portOf = (name: string) => suite.portOf(name);
    await using reader = new NumberedReader({ portOf, user: alice });
    await using traffic = new Traffic({ portOf, to: alice });
    await traffic.progress(SOME);
    using imap = await ImapDialogue.login(portOf("imap"), bob, password);
    assert.match((await imap.append("INBOX", messageOf("before"))).completion, /^OK /);
    assert.equal((await imap.messages("INBOX")).size, 1);

    await disk.fill();
    await traffic.refusals(SOME);
    using smtp = await SmtpDialogue.open(portOf("smtp"));
    const octets = numberedMessage(0, 2 * KIB, bob);
    assert.match((await smtp.send({ from: alice, to: [bob], octets })).text, /^45[12] 4\.3\.[01] /);
    assert.match((await imap.append("INBOX", octets)).completion, /^NO /);
    const numbers = [...(await imap.messages("INBOX")).values()].map(String);
    assert.deepEqual(numbers, [messageOf("before").toString()]);
    // Reading would also mark it as read; that can wait, reading cannot.
    assert.match((await imap.command("FETCH 1 BODY[]")).completion, /^OK /);
    using pop3 = await Pop3Dialogue.open(portOf("pop3"));
    await pop3.login(bob, password);
    assert.deepEqual(await pop3.retrieve(1), messageOf("before"));
    await pop3.ok("QUIT");
    // What was accepted last may wait in the queue: there is no room to deliver it. What was read stays.
    using again = await ImapDialogue.login(portOf("imap"), alice, password);
    const there = await again.messages("INBOX");
    for (const [uid, number] of reader.seen) {
      assert.equal(numberOf(there.get(uid) ?? Buffer.alloc(0)), number);
    }

    await disk.free();
    await traffic.progress(SOME);
    assert.match((await imap.append("INBOX", octets)).completion, /^OK /);
    await reader.hasAll(traffic.accepted);
    await traffic[Symbol.asyncDispose]();
    await reader.hasAll(traffic.accepted);
    using last = await ImapDialogue.login(portOf("imap"), alice, password);
    for (const message of (await last.messages("INBOX")).values()) numberOf(message);
    await eventually(
      "nothing unfinished is left",
      async () => (await unfinished(suite)).length === 0,
    );
    const check = posthouse("mailbox", "check", alice, "--data", directory);
    assert.match(await succeeding(check), /agree/);
    assert.deepEqual(await pidsOf(suite), pids);
  });
});
