import { type Expunged, type OwnAccountMail, StoreError } from "@posthouse/mailbox-store";
import { decodeEncodedWords, headerValue } from "@posthouse/message";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import type { UndeleteOptions } from "../commands/undelete.ts";
import { counted } from "../counted.ts";
import { noSuchMailbox } from "../mail-copy.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { harmless, print, printRows } from "../output.ts";
import { shortIds } from "./short-ids.ts";

/** As much of a message as its header should be. */
const HEAD_BYTES = 64 * 1024;

export async function undelete(
  address: string,
  ids: readonly string[],
  options: UndeleteOptions,
): Promise<void> {
  if (options.since !== undefined && !/^\d{4}-\d\d-\d\d$/.test(options.since)) {
    throw usageFailure(`"${options.since}" is not a day such as 2026-01-31`);
  }
  if (options.all === true && ids.length > 0) {
    throw usageFailure("Say either ids or --all, not both");
  }
  const account = await accountOf(options, address);
  await withMailOf(options, account, async (mail) => {
    const all = shortIds(await mail.listExpunged());
    if (options.mailbox !== undefined) await assertIsOrWas(mail, options.mailbox, all);
    const there = all.filter(
      ({ mailbox, day }) =>
        (options.mailbox === undefined || mailbox === options.mailbox) &&
        (options.since === undefined || day >= options.since),
    );
    if (options.all !== true && ids.length === 0) return await list(mail, there, options);
    const wanted = options.all === true ? there : chosen(there, ids);
    if (wanted.length === 0)
      throw new CommandFailure(`There is nothing of ${address} to bring back`);
    await bringBack(mail, wanted, options);
  });
}

/** A mailbox that is there, or of which something can be brought back. */
async function assertIsOrWas(
  mail: OwnAccountMail,
  name: string,
  expunged: readonly Expunged[],
): Promise<void> {
  const there = (await mail.listMailboxes()).filter(({ exists }) => exists);
  const names = [...there.map((one) => one.name), ...expunged.map(({ mailbox }) => mailbox)];
  if (!names.includes(name)) throw noSuchMailbox(name, [...new Set(names)]);
}

type Listed = Expunged & { readonly shortId: string };

function chosen(there: readonly Listed[], ids: readonly string[]): readonly Listed[] {
  return ids.map((id) => {
    const found = there.find(({ shortId }) => shortId === id);
    if (found !== undefined) return found;
    throw new CommandFailure(`There is nothing "${harmless(id)}" to bring back; see the list`);
  });
}

async function list(
  mail: OwnAccountMail,
  there: readonly Listed[],
  options: UndeleteOptions,
): Promise<void> {
  const rows = [];
  for (const one of there) {
    const { shortId: id, mailbox, day } = one;
    if (one.kind === "mailbox") {
      const what =
        one.messages > 0
          ? `the whole mailbox, ${counted(one.messages, "message")}`
          : "the whole mailbox";
      rows.push({ id, mailbox, day, date: "", from: "", subject: what });
    } else {
      const date = new Date(one.internalDateMs).toISOString().slice(0, 16).replace("T", " ");
      rows.push({ id, mailbox, day, date, ...(await headOf(mail, one.id)) });
    }
  }
  printRows(rows, {
    ...options,
    columns: {
      id: "Id",
      mailbox: "Mailbox",
      day: "Gone since",
      date: "Came",
      from: "From",
      subject: "Subject",
    },
    whenEmpty: "Nothing that was expunged can be brought back",
  });
}

/** Mailboxes first: messages that were expunged in one before it was deleted go back into it. */
async function bringBack(
  mail: OwnAccountMail,
  wanted: readonly Listed[],
  { into }: UndeleteOptions,
): Promise<void> {
  for (const one of wanted) {
    if (one.kind !== "mailbox") continue;
    const name = await restoreMailbox(mail, one, into);
    print(`The mailbox "${harmless(name)}" is back`);
  }
  const byMailbox = Map.groupBy(
    wanted.filter(({ kind }) => kind === "message"),
    ({ mailbox }) => into ?? mailbox,
  );
  for (const [name, messages] of byMailbox) {
    await ensureMailbox(mail, name);
    const ids = messages.map(({ id }) => id);
    const count = await mail.restoreExpunged(ids, name);
    print(`${counted(count, "message is", "messages are")} back in "${harmless(name)}"`);
  }
}

/** Beside what has its name meanwhile. */
async function restoreMailbox(
  mail: OwnAccountMail,
  { id, mailbox }: Listed,
  into: string | undefined,
): Promise<string> {
  const wanted = into ?? mailbox;
  for (let nth = 1; ; nth += 1) {
    const name = nth === 1 ? wanted : `${wanted} ${nth}`;
    try {
      await mail.restoreMailbox(id, name);
      await mail.setSubscribed(name, true);
      return name;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "exists" || nth === 100) throw error;
    }
  }
}

async function ensureMailbox(mail: OwnAccountMail, name: string): Promise<void> {
  const mailboxes = await mail.listMailboxes();
  if (mailboxes.some((one) => one.exists && one.name === name)) return;
  await mail.createMailbox(name);
  await mail.setSubscribed(name, true);
}

async function headOf(
  mail: OwnAccountMail,
  id: string,
): Promise<{ readonly from: string; readonly subject: string }> {
  try {
    await using message = await mail.openExpunged(id);
    const head = Buffer.concat(await Array.fromAsync(message.read(0, HEAD_BYTES)));
    return { from: textOf(head, "from"), subject: textOf(head, "subject") };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { from: "", subject: `(${error.message})` };
  }
}

const textOf = (head: Uint8Array, field: string): string =>
  decodeEncodedWords((headerValue(head, field) ?? "").trim()).slice(0, 60);
