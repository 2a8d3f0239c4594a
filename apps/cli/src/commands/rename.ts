import type { Account, AdminClient } from "@posthouse/accounts";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount, lookForDomain } from "../asking.ts";
import { CommandFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { noAccount } from "../mail-of.ts";
import { doMailWork, type Move } from "../mail-work.ts";
import { print } from "../output.ts";
import { type SourceOptions, withSourceOptions } from "../source-options.ts";

interface RenameOptions extends SourceOptions {
  readonly alias: boolean;
}

export const renameCommand = (): Command =>
  withExamples(
    asking(
      withRenameOptions(
        new Command("rename")
          .description(
            "give an account another address, with its mail, passwords, filters and shares",
          )
          .argument("<address>")
          .argument("<new-address>"),
      ),
      ({ args: [from, to] }) =>
        `Rename ${from} to ${to}? Its mail programs have to be told the new address`,
      lookForAccount,
    ).action(renameAccount),
    [
      "account rename ann@example.org anne@example.org",
      "account rename ann@example.org ann@example.net --no-alias --yes",
    ],
  );

export const renameDomainCommand = (): Command =>
  withExamples(
    asking(
      withRenameOptions(
        new Command("rename")
          .description("give a domain another name, with all its accounts and aliases")
          .argument("<domain>")
          .argument("<new-domain>"),
      ),
      ({ args: [from, to] }) =>
        `Rename ${from} to ${to}, with all its accounts? All mail programs have to be told`,
      lookForDomain,
    ).action(renameDomain),
    ["domain rename example.org example.net"],
  );

const withRenameOptions = (command: Command): Command =>
  withSourceOptions(command.option("--no-alias", "mail to the old one is refused from then on"));

/**
 * Mail and directory cannot change in one step, so the directory says first that nobody is to look.
 *
 *   state   directory        mail      after a crash here
 *   N1      old              old       nothing has happened
 *   N2      old, moving      old       nobody logs in, mail waits; the same command again goes on
 *   N3      old, moving      new       as N2
 *   N4      new              new       others' shares, and who refused its mail, still name the old address; again
 *                                      puts them right
 *   N5      new              new       done
 */
async function renameAccount(from: string, to: string, options: RenameOptions): Promise<void> {
  await administer(options, async (admin) => {
    const done = await renamedBefore(admin, from, to);
    const account = done ?? (await moveAccount(admin, { from, to }, options));
    const move = { accountId: account.id, from, to: account.address };
    await doMailWork(options, { kind: "rename-shares", moves: [move] });
    await doMailWork(options, { kind: "rename-suppressions", moves: [move] });
    print(`${from} is ${account.address} now`);
  });
  if (options.alias) print(`Mail to ${from} still arrives, by an alias`);
}

async function moveAccount(
  admin: AdminClient,
  { from, to }: { readonly from: string; readonly to: string },
  options: RenameOptions,
): Promise<Account> {
  const before = await accountNamed(admin, from);
  await assertNobodyAt(admin, to);
  const moves = [{ accountId: before.id, from: before.address, to }];
  await doMailWork(options, { kind: "check-move", moves });
  await admin.beginRename(from, to);
  await doMailWork(options, { kind: "move", moves });
  const account = await admin.finishRename(from, { keepsAlias: options.alias });
  await doMailWork(options, { kind: "gather", moves });
  return account;
}

/** Ahead of the look at the mail, which would ask for mail of theirs to be moved out of the way. */
async function assertNobodyAt(admin: AdminClient, text: string): Promise<void> {
  const account = await admin.findAccount(text);
  if (account !== undefined) throw new CommandFailure(`${account.address} is an account already`);
  const removed = await admin.listRemoved();
  const away = removed.find(({ address }) => address === text.toLowerCase());
  if (away === undefined) return;
  throw new CommandFailure(
    `${away.address} was removed and can still be restored; posthouse account remove ${away.address} --now ends that`,
  );
}

/** As assertNobodyAt(). */
async function assertNoDomain(admin: AdminClient, text: string): Promise<void> {
  const domains = await admin.listDomains();
  const there = domains.find(({ domain }) => domain === text.toLowerCase());
  if (there !== undefined) throw new CommandFailure(`The domain ${there.domain} is there already`);
}

async function renameDomain(from: string, to: string, options: RenameOptions): Promise<void> {
  await administer(options, async (admin) => {
    await assertNoDomain(admin, to);
    const moves = await movesOfDomain(admin, from, to);
    await doMailWork(options, { kind: "check-move", moves });
    await admin.beginDomainRename(from, to);
    await doMailWork(options, { kind: "move", moves });
    const { accounts } = await admin.finishDomainRename(from, to, { keepsAlias: options.alias });
    await doMailWork(options, { kind: "gather", moves });
    await doMailWork(options, { kind: "rename-shares", moves });
    await doMailWork(options, { kind: "rename-suppressions", moves });
    print(`${from} is ${to} now, with ${counted(accounts, "account")}`);
  });
  if (options.alias) print(`Mail to addresses in ${from} still arrives, by an alias of the domain`);
  print(`Next: posthouse dkim add ${to}, and posthouse client ann@${to} for its DNS records`);
}

/** Those that can be restored move too. */
async function movesOfDomain(
  admin: AdminClient,
  from: string,
  to: string,
): Promise<readonly Move[]> {
  const removed = await admin.listRemoved();
  const here = await admin.listAccounts(from);
  const domain = from.toLowerCase();
  return [...here, ...removed.filter(({ address }) => address.endsWith(`@${domain}`))].map(
    ({ id, address }) => ({
      accountId: id,
      from: address,
      to: `${address.slice(0, address.lastIndexOf("@"))}@${to}`,
    }),
  );
}

/** After a crash behind the last step of the directory. */
async function renamedBefore(
  admin: AdminClient,
  from: string,
  to: string,
): Promise<Account | undefined> {
  const isThere = (await admin.findAccount(from)) !== undefined;
  return isThere ? undefined : await admin.findAccount(to);
}

async function accountNamed(admin: AdminClient, address: string): Promise<Account> {
  const found = await admin.findAccount(address);
  if (found !== undefined) return found;
  throw noAccount(address);
}
