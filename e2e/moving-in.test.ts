import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { appendCommand, Dovecot, type DovecotOptions } from "./dovecot.ts";
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

const skip = whatIsMissing("doveadm", "mbsync") ?? false;

/** A tree that Dovecot wrote: gaps in the UIDs, flags, keywords, dates, names beyond ASCII. */
async function fill(
  dovecot: Dovecot,
  { separator = ".", prefix = "" }: DovecotOptions,
): Promise<void> {
  const work = `${prefix}Work${separator}2026`;
  const drafts = `${prefix}Entw&APw-rfe`;
  const date = "17-Jul-2006 02:44:25 -0700";
  await dovecot.imap(
    `CREATE ${work}`,
    `CREATE ${drafts}`,
    `SUBSCRIBE ${work}`,
    `SUBSCRIBE ${drafts}`,
    appendCommand("INBOX", "\\Seen", date, "one"),
    appendCommand("INBOX", "", date, "two"),
    appendCommand("INBOX", "\\Flagged todo", date, "three"),
    appendCommand("INBOX", "\\Answered $Forwarded todo", date, "four"),
    appendCommand(work, "\\Draft", date, "five"),
    appendCommand(work, "", date, "six"),
    "SELECT INBOX",
    "UID STORE 2 +FLAGS (\\Deleted)",
    "EXPUNGE",
    appendCommand("INBOX", "", date, "seven"),
  );
}

for (const options of [
  { separator: ".", prefix: "" },
  { separator: ".", prefix: "INBOX." },
  { separator: "/", prefix: "", location: ":LAYOUT=fs" },
  { separator: "/", prefix: "", location: ":UTF-8" },
] as const) {
  const { separator, prefix } = options;
  const location = "location" in options ? options.location : "";
  const title = `names like ${prefix}a${separator}b${location}`;
  void describe(`a tree of Dovecot with ${title}`, { skip }, () => {
    let home: string;
    let dovecot: Dovecot;
    let suite: Suite;
    let mbsync: Mbsync;
    const names = ["INBOX", `${prefix}Work${separator}2026`, `${prefix}Entw&APw-rfe`];

    before(async () => {
      home = await mkdtemp(join(tmpdir(), "posthouse-moving-"));
      const about = { home: join(home, "dovecot"), maildir: join(home, "dovecot", "Maildir") };
      dovecot = await Dovecot.prepare({ ...about, ...options });
      await run("chmod", ["755", home]);
      await fill(dovecot, { ...about, separator, prefix });
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
          "--data",
          suite.directory,
          "--separator",
          separator,
          "--prefix",
          prefix,
          ...args,
        ),
      );
    const there = () => `Tunnel "${dovecot.command}"`;

    test("a client that goes over to Posthouse and back notices nothing", async () => {
      await mbsync.sync(there());
      await mbsync.sync(there());
      const memory = await mbsync.memory();
      assert.ok(Object.keys(memory).filter((path) => /(cur|new)\//.test(path)).length >= 6);
      const before = [];
      for (const name of names) before.push(await lookAt(throughDovecot(dovecot), name));

      const planned = await adopt("--dry-run");
      assert.match(planned, /A Maildir of Dovecot/);
      assert.match(planned, /Nothing was changed/);
      await adopt("--move", "--yes");
      assert.deepEqual(await readdir(dovecot.maildir).catch(() => []), []);

      using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
      const afterwards = [];
      for (const name of names) afterwards.push(await lookAt(throughPosthouse(imap), name));
      assert.deepEqual(afterwards, before);
      const { untagged } = await imap.command("NAMESPACE");
      assert.equal(
        untagged[0]?.text,
        `* NAMESPACE (("${prefix}" "${separator}")("Restore/" "/")) (("Shared/" "/")) NIL`,
      );
      const subscribed = await imap.command('LSUB "" *');
      assert.deepEqual(
        subscribed.untagged
          .map(({ text }) => text.split(" ").at(-1)?.replaceAll('"', "") ?? "")
          .sort(),
        names.slice(1).sort(),
      );
      await mbsync.sync(accountOfAlice(suite));
      assert.deepEqual(await mbsync.memory(), memory, "over to Posthouse");

      await suite.stop();
      const back = await Dovecot.prepare({
        home: join(home, "back"),
        maildir: join(suite.directory, "mail", "example.test", "alice"),
        separator,
        prefix,
        ...(location === ":UTF-8" && { location }),
      });
      await run("chmod", ["-R", "a+rX", suite.directory]);
      await mbsync.sync(`Tunnel "${back.command}"`);
      assert.deepEqual(await mbsync.memory(), memory, "and back to Dovecot");
    });
  });
}
