import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { appendCommand, Dovecot, type DovecotOptions } from "./dovecot.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
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

/** What a client holds of every mailbox. */
async function lookAt(imap: (command: string) => Promise<readonly string[]>, name: string) {
  const selected = await imap(`EXAMINE ${name}`);
  const fetched = await imap("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)");
  return {
    uidValidity: /UIDVALIDITY (\d+)/.exec(selected.join("\n"))?.[1],
    uidNext: /UIDNEXT (\d+)/.exec(selected.join("\n"))?.[1],
    messages: fetched
      .filter((line) => /^\* \d+ FETCH /.test(line))
      .map((line) => ({
        uid: /UID (\d+)/.exec(line)?.[1],
        size: /RFC822.SIZE (\d+)/.exec(line)?.[1],
        dateMs: Date.parse(/INTERNALDATE "([^"]+)"/.exec(line)?.[1] ?? ""),
        flags: (/FLAGS \(([^)]*)\)/.exec(line)?.[1] ?? "")
          .split(" ")
          .filter((flag) => flag !== "\\Recent" && flag !== "")
          .sort(),
      })),
  };
}

const throughDovecot = (dovecot: Dovecot) => {
  const said: string[] = [];
  return async (command: string) => {
    said.push(command);
    return (await dovecot.imap(...said.slice(-2))).split("\r\n");
  };
};

const throughPosthouse = (imap: ImapDialogue) => async (command: string) => {
  const { untagged, completion } = await imap.command(command);
  return [...untagged.map(({ text }) => text), completion];
};

/** A client with its memory: its mailboxes and mbsync's state in one directory. */
class Mbsync {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async sync(far: string): Promise<void> {
    const store = join(this.#directory, "near");
    await mkdir(store, { recursive: true });
    const rc = join(this.#directory, "mbsyncrc");
    await writeFile(
      rc,
      `IMAPAccount there\n${far}\n\nIMAPStore far\nAccount there\n\nMaildirStore near\nPath ${store}/\nInbox ${store}/INBOX\nSubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n`,
    );
    const { code, stdout, stderr } = await run("mbsync", ["--config", rc, "--all"]);
    assert.equal(code, 0, stdout + stderr);
  }

  /** Every file, and the whole of mbsync's state. */
  async memory(): Promise<Readonly<Record<string, string>>> {
    const store = join(this.#directory, "near");
    const memory: Record<string, string> = {};
    for (const path of (await readdir(store, { recursive: true })).sort()) {
      memory[path] = path.endsWith(".mbsyncstate") ? await readFile(join(store, path), "utf8") : "";
    }
    return memory;
  }
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
    const here = () =>
      `Host 127.0.0.1\nPort ${suite.portOf("imap")}\nUser ${alice}\nPass ${password}\nSSLType None\nAuthMechs LOGIN`;
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
      await adopt("--move");
      assert.deepEqual(await readdir(dovecot.maildir).catch(() => []), []);

      using imap = await ImapDialogue.login(suite.portOf("imap"), alice, password);
      const afterwards = [];
      for (const name of names) afterwards.push(await lookAt(throughPosthouse(imap), name));
      assert.deepEqual(afterwards, before);
      const { untagged } = await imap.command("NAMESPACE");
      assert.equal(untagged[0]?.text, `* NAMESPACE (("${prefix}" "${separator}")) NIL NIL`);
      const subscribed = await imap.command('LSUB "" *');
      assert.deepEqual(
        subscribed.untagged
          .map(({ text }) => text.split(" ").at(-1)?.replaceAll('"', "") ?? "")
          .sort(),
        names.slice(1).sort(),
      );
      await mbsync.sync(here());
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
