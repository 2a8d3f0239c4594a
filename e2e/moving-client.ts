import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dovecot } from "./dovecot.ts";
import type { ImapDialogue } from "./imap-dialogue.ts";
import { alice, password } from "./people.ts";
import { run } from "./program.ts";
import type { Suite } from "./suite.ts";

/** What a client holds of every mailbox. */
export async function lookAt(imap: (command: string) => Promise<readonly string[]>, name: string) {
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

export const throughDovecot = (dovecot: Dovecot) => {
  const said: string[] = [];
  return async (command: string) => {
    said.push(command);
    return (await dovecot.imap(...said.slice(-2))).split("\r\n");
  };
};

export const throughPosthouse = (imap: ImapDialogue) => async (command: string) => {
  const { untagged, completion } = await imap.command(command);
  return [...untagged.map(({ text }) => text), completion];
};

/** What mbsync has to know to reach alice's mail on a Posthouse. */
export const accountOfAlice = (suite: Suite): string =>
  `Host 127.0.0.1\nPort ${suite.portOf("imap")}\nUser ${alice}\nPass ${password}\nSSLType None`;

/** A client with its memory: its mailboxes and mbsync's state in one directory. */
export class Mbsync {
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
