import { text } from "node:stream/consumers";
import { type Account, type AuthClient, connectAuth } from "@posthouse/accounts";
import type { AccountMail, MailboxRights, MailStore } from "@posthouse/mailbox-store";
import { moveAccountMail } from "@posthouse/mailbox-store/move";
import { openQueue } from "@posthouse/queue";
import type { Config } from "@posthouse/service";
import { becomeOwnerOf } from "../become-owner.ts";
import { copyMessages } from "../mail-copy.ts";
import { openStoreOf } from "../mail-store.ts";
import type { MailWork, Move } from "../mail-work.ts";
import { configOf, type SourceOptions } from "../source-options.ts";

/** Reads one MailWork from standard input and does it: the other side of doMailWork(). */
export async function mailWork(options: SourceOptions): Promise<void> {
  const work = JSON.parse(await text(process.stdin)) as MailWork;
  const config = configOf(options);
  if (work.kind === "rename-suppressions") return await renameSuppressions(config, work.moves);
  becomeOwnerOf(config.paths.mail);
  await using store = await openStoreOf(config);
  if (work.kind === "remove") {
    for (const account of work.accounts) await store.removeAccount(account);
    return;
  }
  const mailDirectory = config.paths.mail;
  const { moves } = work;
  if (work.kind === "check-move") {
    for (const move of moves) moveAccountMail({ mailDirectory, ...move, isDry: true });
  } else if (work.kind === "move") {
    for (const move of moves) moveAccountMail({ mailDirectory, ...move });
  } else if (work.kind === "gather") {
    for (const move of moves) {
      if (moveAccountMail({ mailDirectory, ...move }) === "both") await gather(store, move);
    }
  } else {
    await using auth = connectAuth({ socketPath: config.auth.socketPath });
    await renameShares(store, auth, moves);
  }
}

/** To whom its mail is held back is known under the address of the account. */
async function renameSuppressions(
  { paths, smtpOut }: Config,
  moves: readonly Move[],
): Promise<void> {
  becomeOwnerOf(smtpOut.stateDirectory);
  await using queue = await openQueue({
    queueDirectory: paths.queue,
    stateDirectory: smtpOut.stateDirectory,
    smtpOutSocketPath: smtpOut.socketPath,
  });
  for (const { from, to } of moves) await queue.renameBouncesOf(from, to);
}

/** What a delivery brought that had found the old place a moment before: it goes where the rest is. */
async function gather(store: MailStore, { accountId, from, to }: Move): Promise<void> {
  {
    await using late = await store.openAccount({ id: accountId, address: from });
    await using mail = await store.openAccount({ id: accountId, address: to });
    await copyMessages(late, mail);
  }
  await store.removeAccount({ id: accountId, address: from });
}

/** Rights name people by their address, and so does what says who shares with whom. */
async function renameShares(
  store: MailStore,
  auth: AuthClient,
  moves: readonly Move[],
): Promise<void> {
  const renamed = new Map(moves.map(({ from, to }) => [from, to]));
  const now = (address: string): string => renamed.get(address) ?? address;
  for (const { to } of moves) {
    const account = await auth.findAccount(to);
    if (account === undefined) continue;
    await using mail = await store.openAccount(account);
    for (const owner of await mail.sharers()) {
      if (now(owner) !== owner) {
        await mail.setSharer(owner, false);
        await mail.setSharer(now(owner), true);
      }
      await withMail(store, await auth.findAccount(now(owner)), (one) => renameIn(one, renamed));
    }
    for (const { identifier } of await renameIn(mail, renamed)) {
      const reader =
        identifier === account.address ? undefined : await auth.findAccount(identifier);
      await withMail(store, reader, async (one) => {
        for (const owner of await one.sharers()) {
          if (now(owner) === owner) continue;
          await one.setSharer(owner, false);
          await one.setSharer(now(owner), true);
        }
      });
    }
  }
}

async function withMail(
  store: MailStore,
  account: Account | undefined,
  work: (mail: AccountMail) => Promise<unknown>,
): Promise<void> {
  if (account === undefined) return;
  await using mail = await store.openAccount(account);
  await work(mail);
}

/** The rights of all mailboxes, with people's new addresses in them. */
async function renameIn(
  mail: AccountMail,
  renamed: ReadonlyMap<string, string>,
): Promise<readonly MailboxRights[]> {
  const all: MailboxRights[] = [];
  for (const { name, exists } of await mail.listMailboxes()) {
    if (!exists) continue;
    for (const { identifier, rights } of await mail.rights(name)) {
      const sign = identifier.startsWith("-") ? "-" : "";
      const person = identifier.slice(sign.length);
      const address = renamed.get(person) ?? person;
      all.push({ identifier: address, rights });
      if (address === person) continue;
      await mail.setRights(name, `${sign}${address}`, { mode: "add", rights });
      await mail.setRights(name, identifier, { mode: "replace", rights: "" });
    }
  }
  return all;
}
