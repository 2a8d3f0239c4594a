import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, cp, link, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openMailStore } from "../packages/mailbox-store/src/index.ts";
import { benchMessage } from "./lmtp-load.ts";
import { DOMAIN } from "./mail-server.ts";

const run = promisify(execFile);

export const idleUser = (number: number): string => `idle${String(number).padStart(4, "0")}`;

/** ext4 has at most 65,000 links to a file; other file systems have fewer. */
const LINKS_MAX = 60_000;

/**
 * An INBOX of so many messages for each of these accounts. One is made message by message, as any other is; the
 * others are its copies, whose message files are hard links: two million files would measure the disk.
 */
export async function makeMailboxes(options: {
  readonly directory: string;
  readonly messages: number;
  /** By number, the id of the account. */
  readonly ids: readonly string[];
}): Promise<void> {
  const { directory, messages, ids } = options;
  if (ids.length > LINKS_MAX) throw new Error(`No more than ${LINKS_MAX} accounts`);
  const template = join(directory, "template");
  const model = join(template, DOMAIN, "model");
  if (!existsSync(template)) await makeModel(template, messages);
  const mail = join(directory, "mail", DOMAIN);
  await mkdir(mail, { recursive: true });
  // A directory keeps its time, by which the index knows that nothing has changed in it.
  const script = `
    model=$1; shift
    for target; do
      mkdir -p "$target"
      for entry in "$model"/* "$model"/.[!.]*; do
        [ -e "$entry" ] || continue
        case "\${entry##*/}" in
          cur) cp -al "$entry" "$target/" ;;
          *) cp -a "$entry" "$target/" ;;
        esac
      done
    done`;
  for (let first = 0; first < ids.length; first += 100) {
    const numbers = ids.slice(first, first + 100).map((_id, at) => first + at);
    const targets = numbers.map((number) => join(mail, idleUser(number)));
    await run("sh", ["-ec", script, "sh", model, ...targets]);
    for (const [at, target] of targets.entries()) {
      await writeFile(join(target, "posthouse-account"), `${ids[first + at]}\n`);
    }
  }
}

async function makeModel(template: string, messages: number): Promise<void> {
  const store = await openMailStore({
    mailDirectory: template,
    messageBytesMax: 1024 * 1024,
    host: "mx.example.test",
  });
  const account = await store.openAccount({ id: "model", address: `model@${DOMAIN}` });
  for (let left = messages; left > 0; left -= 100) {
    const requests = Array.from({ length: Math.min(left, 100) }, () => ({
      octets: [benchMessage(1024)],
      systemFlags: ["\\Seen" as const],
    }));
    await account.append("INBOX", requests);
  }
  // The index has looked at the folder once, and finds nothing new in its copies.
  await using inbox = await account.openMailbox("INBOX");
  if (inbox.columns.length !== messages) throw new Error(`${inbox.columns.length} messages`);
  await inbox.sync(inbox.columns);
  await account.fillSearchText();
  await store[Symbol.asyncDispose]();
}

/** The same messages for Dovecot, which makes its own index of them. */
export async function makeMaildirs(options: {
  readonly directory: string;
  readonly template: string;
  readonly accounts: number;
  readonly owner: readonly [uid: number, gid: number];
}): Promise<void> {
  const { directory, template, accounts, owner } = options;
  const cur = join(template, DOMAIN, "model", "cur");
  const [uid, gid] = owner;
  const names = await readdir(cur);
  const own = join(directory, "messages");
  if (!existsSync(own)) {
    await cp(cur, own, { recursive: true });
    for (const name of names) await chown(join(own, name), uid, gid);
  }
  for (let number = 0; number < accounts; number += 1) {
    const maildir = join(directory, "mail", DOMAIN, idleUser(number));
    if (existsSync(maildir)) continue;
    for (const name of ["cur", "new", "tmp"]) await mkdir(join(maildir, name), { recursive: true });
    for (const name of names) await link(join(own, name), join(maildir, "cur", name));
    for (const name of ["", "cur", "new", "tmp"]) await chown(join(maildir, name), uid, gid);
  }
}
