import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { appendCommand, Dovecot } from "./dovecot.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import {
  accountOfAlice,
  lookAt,
  Mbsync,
  throughDovecot,
  throughPosthouse,
} from "./moving-client.ts";
import { alice, password } from "./people.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { run, whatIsMissing } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

const names = ["INBOX", "Work/2026", "Entw&APw-rfe", "emptied"];

/** Gaps in the UIDs, flags, keywords, dates, names beyond ASCII, From_ lines, a mailbox that became empty. */
async function fill(dovecot: Dovecot): Promise<void> {
  const date = "17-Jul-2006 02:44:25 -0700";
  const quoted =
    "From: a@b\r\nSubject: q\r\n\r\n>From here\r\nFrom there\r\n\r\nFrom a@b Mon Jan  1 00:00:00 2001\r\n";
  await dovecot.imap(
    "CREATE Work/2026",
    "CREATE Entw&APw-rfe",
    "CREATE emptied",
    "SUBSCRIBE Work/2026",
    "SUBSCRIBE Entw&APw-rfe",
    appendCommand("INBOX", "\\Seen", date, "one"),
    appendCommand("INBOX", "", date, "two"),
    appendCommand("INBOX", "\\Flagged todo", date, "three"),
    appendCommand("INBOX", "\\Answered $Forwarded todo", date, "four"),
    appendCommand("Work/2026", "\\Draft", date, "five"),
    appendCommand("Work/2026", "", date, "six"),
    `APPEND Entw&APw-rfe (\\Seen) "${date}" {${quoted.length}+}\r\n${quoted}`,
    appendCommand("emptied", "", date, "gone"),
    "SELECT emptied",
    "UID STORE 1 +FLAGS (\\Deleted)",
    "EXPUNGE",
    "SELECT INBOX",
    "UID STORE 2 +FLAGS (\\Deleted)",
    "EXPUNGE",
    appendCommand("INBOX", "", date, "seven"),
  );
}

for (const format of ["maildir", "mbox"] as const) {
  const skip = whatIsMissing("doveadm", "mbsync") ?? false;
  void describe(`mbox files of Dovecot, taken over as ${format}`, { skip }, () => {
    let home: string;
    let dovecot: Dovecot;
    let suite: Suite;
    let mbsync: Mbsync;
    let spool: string;

    before(async () => {
      home = await mkdtemp(join(tmpdir(), "posthouse-moving-"));
      const dovecotHome = join(home, "dovecot");
      await mkdir(join(dovecotHome, "spool"), { recursive: true });
      spool = join(dovecotHome, "spool", "alice");
      dovecot = await Dovecot.prepare({
        home: dovecotHome,
        maildir: join(dovecotHome, "mail"),
        format: "mbox",
        separator: "/",
        location: `:INBOX=${spool}`,
      });
      await run("chmod", ["755", home]);
      await fill(dovecot);
      suite = await startSuite();
      mbsync = new Mbsync(join(home, "client"));
    });

    after(async () => {
      await suite[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    });

    const adopt = (...args: string[]) =>
      succeeding(
        posthouse(
          "mailbox",
          "adopt",
          alice,
          dovecot.maildir,
          "--inbox",
          spool,
          "--format",
          format,
          "--data",
          suite.directory,
          ...args,
        ),
      );

    test("a client that goes over to Posthouse and back notices nothing", async () => {
      await mbsync.sync(`Tunnel "${dovecot.command}"`);
      await mbsync.sync(`Tunnel "${dovecot.command}"`);
      const memory = await mbsync.memory();
      assert.ok(Object.keys(memory).filter((path) => /(cur|new)\//.test(path)).length >= 7);
      const before = [];
      for (const name of names) before.push(await lookAt(throughDovecot(dovecot), name));

      assert.match(await adopt("--dry-run"), /Files in mbox format[\s\S]*Nothing was changed/);
      await adopt("--move", "--yes");
      assert.deepEqual(await readdir(dovecot.maildir).catch(() => []), []);
      assert.equal(await readFile(spool, "latin1"), "");

      using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
      const afterwards = [];
      for (const name of names) afterwards.push(await lookAt(throughPosthouse(imap), name));
      assert.deepEqual(afterwards, before);
      const subscribed = await imap.command('LSUB "" *');
      assert.deepEqual(
        subscribed.untagged
          .map(({ text }) => text.split(" ").at(-1)?.replaceAll('"', "") ?? "")
          .sort(),
        ["Entw&APw-rfe", "Work/2026"],
      );
      await mbsync.sync(accountOfAlice(suite));
      assert.deepEqual(await mbsync.memory(), memory, "over to Posthouse");
      if (format === "mbox") return;

      await suite.stop();
      const back = await Dovecot.prepare({
        home: join(home, "back"),
        maildir: join(suite.directory, "mail", "example.test", "alice"),
        separator: "/",
      });
      await run("chmod", ["-R", "a+rX", suite.directory]);
      await mbsync.sync(`Tunnel "${back.command}"`);
      assert.deepEqual(await mbsync.memory(), memory, "and back to Dovecot");
    });
  });
}

void describe("mbox files that mutt wrote", {
  skip: whatIsMissing("mutt", "script") ?? false,
}, () => {
  let home: string;
  let suite: Suite;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), "posthouse-moving-"));
    suite = await startSuite();
  });

  after(async () => {
    await suite[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  test("flags, dates and text are those that mutt wrote", async () => {
    const spool = join(home, "spool");
    const folder = join(home, "Mail");
    await mkdir(folder);
    const delivered = (subject: string) =>
      `From bob@example.org Sun Nov 22 09:00:00 2026 +0000\nFrom: bob@example.org\nSubject: ${subject}\n\nText of ${subject}\n>From bob\n\n`;
    await writeFile(spool, ["one", "two", "three"].map(delivered).join(""));
    const settings = [
      `set folder=${folder}`,
      "set mbox_type=mbox",
      "set move=no",
      "set delete=yes",
      "set quit=yes",
      "set sort=mailbox-order",
      'set record=""',
      "set confirmcreate=no",
      "set confirmappend=no",
      'push "<first-entry><flag-message><last-entry><set-flag>r<first-entry><next-entry><save-message>=kept<enter><sync-mailbox><quit>"',
    ];
    await writeFile(join(home, "rc"), `${settings.join("\n")}\n`);
    await run("script", ["-qec", `mutt -n -F ${home}/rc -f ${spool}`, "/dev/null"], {
      env: { HOME: home, TERM: "vt100", TZ: "UTC" },
    });
    assert.deepEqual(await readdir(folder), ["kept"]);
    await succeeding(
      posthouse("mailbox", "adopt", alice, folder, "--inbox", spool, "--data", suite.directory),
    );
    using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
    const inbox = await lookAt(throughPosthouse(imap), "INBOX");
    assert.deepEqual(
      inbox.messages.map(({ flags, dateMs }) => [flags, dateMs]),
      [
        [["\\Flagged"], Date.UTC(2026, 10, 22, 9)],
        [["\\Answered", "\\Seen"], Date.UTC(2026, 10, 22, 9)],
      ],
    );
    await imap.command("EXAMINE kept");
    const { untagged } = await imap.command("UID FETCH 1:* BODY.PEEK[TEXT]");
    const text = untagged[0]?.literals[0]?.toString();
    // mutt has written a Content-Length, and Dovecot would unquote nothing either.
    assert.equal(text, "Text of two\r\n>From bob\r\n");
  });
});
