import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startImapServer } from "../apps/imap/test/imap-server.ts";
import { Dovecot } from "./dovecot.ts";
import { type FetchedItems, fetchedItems } from "./imap-values.ts";
import { madeMessage } from "./made-messages.ts";

const isInstalled = await access("/usr/bin/doveadm").then(
  () => true,
  () => false,
);

const messagesMade = 320;
const items =
  "(UID RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS (Subject From To)])";

/** LOGIN where it is needed, all messages, all items, and the end. */
function dialogue(login: string): Buffer {
  const pieces: Buffer[] = [Buffer.from(login)];
  for (let seed = 1; seed <= messagesMade; seed += 1) {
    const message = madeMessage(seed);
    pieces.push(
      Buffer.from(`m${seed} APPEND INBOX {${message.length}+}\r\n`),
      message,
      Buffer.from("\r\n"),
    );
  }
  pieces.push(Buffer.from(`s SELECT INBOX\r\nf UID FETCH 1:* ${items}\r\nz LOGOUT\r\n`));
  return Buffer.concat(pieces);
}

async function askPosthouse(): Promise<ReadonlyMap<number, FetchedItems>> {
  await using server = await startImapServer();
  const socket = await server.connect();
  socket.write(dialogue("l LOGIN ann secret\r\n"));
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return fetchedItems(Buffer.concat(pieces).toString("latin1"));
}

async function askDovecot(): Promise<ReadonlyMap<number, FetchedItems>> {
  const home = await mkdtemp(join(tmpdir(), "posthouse-dovecot-"));
  try {
    const maildir = join(home, "Maildir");
    await mkdir(maildir);
    const dovecot = await Dovecot.prepare({ home, maildir });
    const child = spawn("sh", ["-c", dovecot.command], { stdio: ["pipe", "pipe", "ignore"] });
    // Not ended: it leaves what it has not written yet when its client goes away.
    child.stdin.write(dialogue(""));
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    await once(child, "close");
    return fetchedItems(Buffer.concat(pieces).toString("latin1"));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Messages with an item of which the two say different things: docs/mime-differences.md says why. */
const known: Readonly<Record<string, readonly number[]>> = JSON.parse(
  await readFile(new URL("./mime-differences.json", import.meta.url), "utf8"),
);

/**
 * Without what is the same said otherwise: names, types and encodings count in any case of letters, and
 * "us-ascii" is what no charset means (RFC 2046 §4.1.2).
 */
function comparable(items: FetchedItems | undefined, name: string): string {
  const text = JSON.stringify(items?.get(name) ?? null);
  if (name !== "BODYSTRUCTURE") return text;
  return text.toLowerCase().replaceAll('["charset","us-ascii"]', "null");
}

test("what FETCH says of made messages differs from Dovecot only as docs/mime-differences.md says", {
  skip: isInstalled ? false : "Dovecot is not installed",
}, async () => {
  const [ours, theirs] = await Promise.all([askPosthouse(), askDovecot()]);
  assert.equal(ours.size, messagesMade);
  assert.equal(theirs.size, messagesMade);
  const different: Record<string, number[]> = {};
  for (const [seed, our] of ours) {
    for (const name of our.keys()) {
      if (comparable(our, name) === comparable(theirs.get(seed), name)) continue;
      different[name] ??= [];
      different[name].push(seed);
    }
  }
  assert.deepEqual(different, known);
});
