import type { Account, AuthClient } from "@posthouse/accounts";
import {
  type AccountMail,
  type MailboxInfo,
  type MailStore,
  StoreError,
} from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { anyone, effectiveRights } from "./rights.ts";
import { formatSharedName, isSharedName, parseSharedName, type SharedName } from "./shared-name.ts";
import type { Place } from "./user-mail.ts";

interface OpenAccount {
  readonly owner: Account;
  readonly mail: AccountMail;
}

/**
 * Accounts of others, as far as they share with one user. They are opened when they are needed, by this very
 * process: the directory says who has an address (AuthClient.findAccount), and no secret is asked for.
 *
 * Who shares stands in the account of whom it is shared with (AccountMail.sharers): LIST opens these accounts
 * and those of subscribed names. What anyone may read is found by who knows its name, and in LIST once it is
 * subscribed: nobody can fill the list of everybody.
 */
export class OthersMail implements AsyncDisposable {
  readonly #own: AccountMail;
  readonly #user: Account;
  readonly #services: { readonly auth: AuthClient; readonly store: MailStore };
  /** In the order of last use. */
  readonly #open = new Map<string, Promise<OpenAccount | undefined>>();
  #subscriptions: readonly Subscription[] = [];

  constructor(
    own: AccountMail,
    user: Account,
    services: { readonly auth: AuthClient; readonly store: MailStore },
  ) {
    this.#own = own;
    this.#user = user;
    this.#services = services;
  }

  /** @throws StoreError "not-found", whether it is the owner or the mailbox that is missing */
  async find({ owner: address, name }: SharedName): Promise<Place> {
    const account = await this.#account(address);
    if (account === undefined) {
      throw new StoreError("not-found", `Nobody shares as "${address}"`);
    }
    const { owner, mail } = account;
    const rows = await mail.rights(name);
    const rights = effectiveRights(rows, { user: this.#user.address, owner: owner.address });
    return { mail, name, owner, isShared: true, rights };
  }

  /** What the user may look up (RFC 4314 §4, LIST). */
  async list(): Promise<readonly MailboxInfo[]> {
    const infos: MailboxInfo[] = [];
    for (const address of await this.#sharers()) {
      const account = await this.#account(address);
      if (account === undefined) continue;
      for (const info of await account.mail.listMailboxes()) {
        if (!info.exists) continue;
        const { rights } = await this.find({ owner: address, name: info.name });
        if (!rights.includes("l")) continue;
        const name = formatSharedName({ owner: address, name: info.name });
        infos.push({ ...info, name, isSubscribed: false, specialUse: [] });
      }
    }
    return infos;
  }

  /** Notes in an account that somebody shares with it, or no longer does. */
  async tell({ mail, name, owner }: Place, identifier: string): Promise<void> {
    if (identifier === owner.address || identifier === anyone) return;
    const found = await this.#services.auth.findAccount(identifier);
    if (found === undefined) return;
    await using account = await this.#services.store.openAccount(found);
    const rows = await mail.rights(name);
    const isGiven = rows.some((row) => row.identifier === identifier);
    if (isGiven || (await sharesWith(mail, identifier))) {
      return account.setSharer(owner.address, true);
    }
    await account.setSharer(owner.address, false);
    // Somebody may have given rights between the two: he noted it before us, and we took it back.
    if (await sharesWith(mail, identifier)) await account.setSharer(owner.address, true);
  }

  /** Of accounts that are open now, and of those that will be. */
  onChange(wake: () => void): Disposable {
    const subscription: Subscription = { wake, watched: [] };
    this.#subscriptions = [...this.#subscriptions, subscription];
    for (const account of this.#open.values()) {
      void account.then((one) => watch(subscription, one)).catch(() => undefined);
    }
    return {
      [Symbol.dispose]: () => {
        this.#subscriptions = this.#subscriptions.filter((one) => one !== subscription);
        for (const one of subscription.watched) one[Symbol.dispose]();
        subscription.isOver = true;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const accounts = [...this.#open.values()];
    this.#open.clear();
    for (const account of await Promise.allSettled(accounts)) {
      if (account.status === "fulfilled") await account.value?.mail[Symbol.asyncDispose]();
    }
  }

  async #sharers(): Promise<ReadonlySet<string>> {
    const subscribed = (await this.#own.listMailboxes())
      .filter(({ name, isSubscribed }) => isSubscribed && isSharedName(name))
      .flatMap(({ name }) => parseSharedName(name)?.owner ?? []);
    const sharers = [...(await this.#own.sharers()), ...subscribed];
    return new Set(sharers.slice(0, limits.sharersMax));
  }

  /** Undefined where there is no such account, and for the user's own: one mailbox has one name. */
  #account(address: string): Promise<OpenAccount | undefined> {
    const known = this.#open.get(address);
    if (known !== undefined) return known;
    if (this.#open.size >= limits.sharersMax) return Promise.resolve(undefined);
    const opening = this.#openAccount(address);
    this.#open.set(address, opening);
    opening.then(
      (account) => {
        if (account === undefined) this.#open.delete(address);
        for (const subscription of this.#subscriptions) watch(subscription, account);
      },
      () => this.#open.delete(address),
    );
    return opening;
  }

  async #openAccount(address: string): Promise<OpenAccount | undefined> {
    if (address === this.#user.address) return undefined;
    const owner = await this.#services.auth.findAccount(address);
    // In another spelling it would be a second name of the same mailbox.
    if (owner === undefined || owner.address !== address) return undefined;
    return { owner, mail: await this.#services.store.openAccount(owner) };
  }
}

interface Subscription {
  readonly wake: () => void;
  readonly watched: Disposable[];
  isOver?: true;
}

function watch(subscription: Subscription, account: OpenAccount | undefined): void {
  if (account === undefined || subscription.isOver) return;
  subscription.watched.push(account.mail.onChange(subscription.wake));
}

/** Whether some mailbox gives something to this identifier. */
async function sharesWith(mail: AccountMail, identifier: string): Promise<boolean> {
  for (const { name, exists } of await mail.listMailboxes()) {
    if (!exists) continue;
    const rows = await mail.rights(name);
    if (rows.some((row) => row.identifier === identifier)) return true;
  }
  return false;
}
