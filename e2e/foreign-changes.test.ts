import assert from "node:assert/strict";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Dovecot } from "./dovecot.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { alice, password } from "./people.ts";
import { hasPrograms, run } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

/** More than the store lists at every doubt: here it must be told by the directories themselves. */
const many = 1_100;

const text = (subject: string) =>
  `From: bob@example.test\nSubject: ${subject}\nMessage-ID: <${subject}@example.test>\n\nHello\n`;

void describe("what other programs do to the files is told to a client that idles", () => {
  let suite: Suite;
  let account: string;

  before(async () => {
    suite = await startSuite();
    account = join(suite.directory, "mail", "example.test", "alice");
    using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
    await imap.ok("CREATE Many");
    await imap.ok("CREATE Few");
    for (let n = 0; n < many; n += 1) {
      const name = `${1_700_000_000 + n}.M${n}P1.mutt:2,S`;
      await writeFile(join(account, ".Many", "cur", name), text(`${n}`));
    }
    await writeFile(join(account, ".Few", "cur", "1700000000.M0P1.mutt:2,S"), text("0"));
  });

  after(async () => {
    await suite[Symbol.asyncDispose]();
  });

  /** A client that idles in the mailbox; tells() resolves with the first line that matches. */
  async function idlingIn(mailbox: string) {
    const imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
    await imap.ok(`SELECT ${mailbox}`);
    const tag = await imap.begin("IDLE");
    assert.match((await imap.lineWithLiterals()).text, /^\+/);
    return {
      tells: async (pattern: RegExp) => {
        for (;;) {
          const line = (await imap.lineWithLiterals()).text;
          assert.ok(!line.startsWith(`${tag} `), line);
          if (pattern.test(line)) return line;
        }
      },
      imap,
      tag,
      [Symbol.dispose]: () => imap[Symbol.dispose](),
    };
  }

  for (const { mailbox, count } of [
    { mailbox: "Few", count: 1 },
    { mailbox: "Many", count: many },
  ]) {
    test(`a file that comes, is renamed and goes, in a mailbox of ${count}`, async () => {
      using client = await idlingIn(mailbox);
      const folder = join(account, `.${mailbox}`);
      // As procmail and maildrop deliver.
      const name = "1800000001.M1P1.procmail";
      await writeFile(join(folder, "tmp", name), text("procmail"));
      await rename(join(folder, "tmp", name), join(folder, "new", name));
      await client.tells(new RegExp(`^\\* ${count + 1} EXISTS`));
      // As mutt reads it, and flags it. Our own server may have moved it to cur/ already.
      const isInNew = (await readdir(join(folder, "new"))).includes(name);
      const path = join(folder, ...(isInNew ? ["new", name] : ["cur", `${name}:2,`]));
      await rename(path, join(folder, "cur", `${name}:2,FS`));
      const told = await client.tells(new RegExp(`^\\* ${count + 1} FETCH .*FLAGS`));
      assert.match(told, /\\Flagged/);
      await rename(join(folder, "cur", `${name}:2,FS`), join(folder, "cur", `${name}:2,S`));
      assert.doesNotMatch(await client.tells(/ FETCH .*FLAGS/), /\\Flagged/);
      // Straight into cur/, as mbsync does.
      await writeFile(join(folder, "cur", "1800000002.M1P1.mbsync:2,R"), text("mbsync"));
      await client.tells(new RegExp(`^\\* ${count + 2} EXISTS`));
      await rm(join(folder, "cur", `${name}:2,S`));
      await client.tells(new RegExp(`^\\* ${count + 1} EXPUNGE`));
      await rm(join(folder, "cur", "1800000002.M1P1.mbsync:2,R"));
      await client.tells(new RegExp(`^\\* ${count + 1} EXPUNGE`));
    });
  }

  test("Dovecot stores, appends and expunges in the same tree", async (t) => {
    if (!hasPrograms(t, "doveadm")) return;
    // Dovecot opens no mail as root, and what it makes is its user's.
    if (process.getuid?.() === 0) {
      const above = ["", "mail", "mail/example.test"].map((path) => join(suite.directory, path));
      await run("chmod", ["a+x", ...above]);
    }
    const dovecot = await Dovecot.prepare({
      home: join(suite.directory, "dovecot"),
      maildir: account,
      separator: "/",
    });
    using client = await idlingIn("Few");
    const message = text("dovecot").replaceAll("\n", "\r\n");
    await dovecot.imap(
      `APPEND Few (\\Flagged todo) {${message.length}+}\r\n${message}`,
      "SELECT Few",
      "STORE 1 +FLAGS (\\Answered)",
    );
    await client.tells(/^\* 2 EXISTS/);
    assert.match(await client.tells(/^\* 1 FETCH .*FLAGS/), /\\Answered/);
    await dovecot.imap("SELECT Few", "STORE 2 +FLAGS (\\Deleted)", "EXPUNGE");
    await client.tells(/^\* 2 EXPUNGE/);
  });

  test("mutt on the server reads and flags a message", async (t) => {
    if (!hasPrograms(t, "mutt", "script")) return;
    const folder = join(account, ".Mutt");
    using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
    await imap.ok("CREATE Mutt");
    await imap.append("Mutt", Buffer.from(text("read me").replaceAll("\n", "\r\n")));
    using client = await idlingIn("Mutt");
    const rc = join(suite.directory, "muttrc");
    await writeFile(
      rc,
      `set folder=${account}\nset record=\nset move=no\nset quit=yes\nset mark_old=no\nset wait_key=no\n`,
    );
    const command = `mutt -F ${rc} -f ${folder} -e 'push "<flag-message><sync-mailbox><quit>"'`;
    await run("script", ["-qec", command, "/dev/null"], { env: { TERM: "xterm" } });
    const told = await client.tells(/^\* 1 FETCH .*FLAGS/);
    assert.match(told, /\\Flagged/);
    await imap.ok("SELECT Mutt");
    const [fetched] = await imap.ok("FETCH 1:* (FLAGS UID)");
    assert.match(fetched?.text ?? "", /^\* 1 FETCH .*\\Flagged.*UID 1\b/);
  });

  test("folders made, renamed and removed by hand are listed so, and the selected one ends its session", async () => {
    using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
    const listed = async () =>
      (await imap.ok('LIST "" "Hand*"')).map(({ text }) => text.split(" ").at(-1));
    for (const directory of ["cur", "new", "tmp"]) {
      await mkdir(join(account, ".Handmade & ODD", directory), { recursive: true });
    }
    await writeFile(
      join(account, ".Handmade & ODD", "cur", "1700000000.M0P1.hand:2,"),
      text("hand"),
    );
    assert.deepEqual(await listed(), ['ODD"']);
    const selected = await imap.ok('SELECT "Handmade &- ODD"');
    assert.ok(selected.some(({ text: line }) => line === "* 1 EXISTS"));
    await imap.ok("UNSELECT");
    await rename(join(account, ".Handmade & ODD"), join(account, ".HandRenamed"));
    assert.deepEqual(await listed(), ['"HandRenamed"']);
    using client = await idlingIn("HandRenamed");
    await rm(join(account, ".HandRenamed"), { recursive: true });
    await client.tells(/^\* BYE/);
    assert.deepEqual(await listed(), []);
  });
});
