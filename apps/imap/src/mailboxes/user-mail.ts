import type { Account, AuthClient } from "@posthouse/accounts";
import {
  type AccountMail,
  type AnnotationChange,
  type AnnotationQuery,
  type Annotations,
  type Appended,
  type AppendRequest,
  type Hierarchy,
  type MailboxInfo,
  type MailboxRights,
  type MailboxStatus,
  type MailStore,
  type QuotaUsage,
  type RightsChange,
  type SpecialUse,
  StoreError,
  type Uid,
} from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import { no } from "../response.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import { GuardedMailbox } from "./guarded-mailbox.ts";
import { OthersMail } from "./others-mail.ts";
import { dayOfRestoreName, isRestoreName, restorePrefix } from "./restore-name.ts";
import { effectiveRights, permittedFlags, type Right } from "./rights.ts";
import { isSharedName, parseSharedName, sharedPrefix } from "./shared-name.ts";
import { statusOfColumns } from "./shared-status.ts";

/** Where a mailbox is, and what the user may do there. */
export interface Place {
  readonly mail: AccountMail;
  /** As that account has it. */
  readonly name: string;
  readonly owner: Account;
  readonly isShared: boolean;
  /** A day of what was expunged: a mailbox of an account apart, as others' are, and the owner's own to read. */
  readonly isRestore?: true;
  readonly rights: string;
}

type Messages = Iterable<AppendRequest> | AsyncIterable<AppendRequest>;

/**
 * All mail that one user can get at: the account's own, and under `Shared/` what others gave rights to. It is
 * a store like the account's own, so that commands need not know whose a mailbox is; each method asks for the
 * rights that RFC 4314 §4 wants for it.
 *
 * A mailbox that the user may not look up is not there: every refusal is the one of a name that nobody has
 * (RFC 4314 §6).
 */
export class UserMail implements AccountMail {
  readonly account: Account;
  readonly #own: AccountMail;
  readonly #others: OthersMail;
  readonly #services: UserServices;
  /** As it was when it was looked at last. */
  #restore: Promise<AccountMail> | undefined;

  constructor(own: AccountMail, account: Account, services: UserServices) {
    this.#own = own;
    this.account = account;
    this.#services = services;
    this.#others = new OthersMail(own, account, services);
  }

  /** The namespace of what was expunged is there. */
  get hasRestore(): boolean {
    const { imap, retention } = this.#services.config;
    return imap.restoreNamespace && retention.expungedDays > 0;
  }

  /** The days of which something can be brought back; not in listMailboxes(), which is what everybody lists. */
  async listRestore(): Promise<readonly MailboxInfo[]> {
    if (!this.hasRestore) return [];
    const own = await this.#own.listMailboxes();
    const subscribed = new Set(own.flatMap((one) => (one.isSubscribed ? [one.name] : [])));
    const days = await (await this.#lookAtRestore()).listMailboxes();
    return days
      .map((info) => ({ ...info, name: restorePrefix + info.name }))
      .filter(({ name, exists }) => exists && isRestoreName(name))
      .map((info) => ({ ...info, isSubscribed: subscribed.has(info.name), specialUse: [] }));
  }

  get hierarchy(): Hierarchy {
    return this.#own.hierarchy;
  }

  /**
   * Finds a mailbox, which need not be there for a user who owns it.
   *
   * @throws "not-found" where the user may not know of it, and NOPERM without the right that is `needed`
   */
  async place(name: string, ...needed: readonly Right[]): Promise<Place> {
    const place = await this.#find(name);
    if (place.isShared && place.rights === "") throw notThere(name);
    const isThere = place.rights.includes("l") || needed.some((one) => place.rights.includes(one));
    if (needed.every((right) => place.rights.includes(right))) return place;
    throw isThere ? no("NOPERM", `That takes the right ${needed.join("")}`) : notThere(name);
  }

  /** What the user may do in a mailbox; empty where there is none to see. */
  async rightsIn(name: string): Promise<string> {
    try {
      return (await this.#find(name)).rights;
    } catch (error) {
      if (error instanceof StoreError && error.code === "not-found") return "";
      throw error;
    }
  }

  /** One's own, and what others share, which can be of any account that has said so. */
  async listMailboxes(): Promise<readonly MailboxInfo[]> {
    const own = await this.#own.listMailboxes();
    const shared = await this.#others.list();
    const subscribed = new Set(own.flatMap((one) => (one.isSubscribed ? [one.name] : [])));
    const names = new Set(shared.map(({ name }) => name));
    return [
      ...own.filter(({ name }) => !names.has(name)),
      ...shared.map((one) => ({ ...one, isSubscribed: subscribed.has(one.name) })),
    ];
  }

  async createMailbox(
    name: string,
    options: { readonly specialUse?: readonly SpecialUse[] } = {},
  ): Promise<void> {
    const parent = await this.#parentToCreateIn(name);
    const { specialUse = [] } = options;
    // RFC 6154 §3: a use is the owner's matter.
    if (parent.isShared && specialUse.length > 0) throw no("USEATTR", "That mailbox is shared");
    await parent.mail.createMailbox(parent.childName, options);
    await this.#inherit(parent);
  }

  async setSpecialUse(name: string, specialUse: readonly SpecialUse[]): Promise<void> {
    await this.#own.setSpecialUse(this.#ownName(name), specialUse);
  }

  async renameMailbox(from: string, to: string): Promise<void> {
    const source = await this.place(from, "x");
    const target = await this.#parentToCreateIn(to);
    if (source.owner.id !== target.owner.id) {
      throw no("CANNOT", "A mailbox cannot be renamed into another account");
    }
    const { mail, name } = source;
    // RFC 9051 §6.3.6: what is below it goes along, but for INBOX.
    const below = name === "INBOX" ? [] : await mail.listMailboxes();
    for (const { name: inferior } of below) {
      if (!inferior.startsWith(`${name}/`)) continue;
      this.#assertUnreserved(target.childName + inferior.slice(name.length), mail);
    }
    await mail.renameMailbox(name, target.childName);
  }

  async deleteMailbox(name: string): Promise<void> {
    const place = await this.place(name, "x");
    await place.mail.deleteMailbox(place.name);
  }

  /** Everybody keeps his own list, in which a shared mailbox stands as it is called here. */
  async setSubscribed(name: string, isSubscribed: boolean): Promise<void> {
    await this.#own.setSubscribed(name, isSubscribed);
  }

  async openMailbox(
    name: string,
    options: { readonly readOnly?: boolean } = {},
  ): Promise<GuardedMailbox> {
    const place = await this.place(name, "r");
    const mailbox = await place.mail.openMailbox(place.name, {
      ...options,
      ...(place.isRestore && { readOnly: true }),
      ...(place.isShared && { user: this.account.id }),
    });
    return new GuardedMailbox(mailbox, this, {
      ...place,
      name,
      isExamined: options.readOnly ?? false,
    });
  }

  async status(name: string): Promise<MailboxStatus> {
    const place = await this.place(name, "r");
    const status = await place.mail.status(place.name);
    if (!place.isShared) return status;
    await using mailbox = await place.mail.openMailbox(place.name, {
      readOnly: true,
      user: this.account.id,
    });
    return { ...status, ...statusOfColumns(mailbox.columns) };
  }

  /** RFC 4314 §4: takes "i"; flags that the user may not set are left out, and \Seen is the user's own. */
  async append(name: string, messages: Messages): Promise<Appended> {
    const place = await this.place(name, "i");
    if (!place.isShared && place.rights.length === allRightsCount) {
      return place.mail.append(place.name, messages);
    }
    const seen: boolean[] = [];
    const appended = await place.mail.append(place.name, permitted(messages, place, seen));
    const uids = place.isShared ? appended.uids.filter((_uid, at) => seen[at]) : [];
    if (uids.length > 0) await this.#markSeen(place, uids);
    return appended;
  }

  deliver(name: string, message: AppendRequest, deliveryId: string): Promise<Appended> {
    return this.#own.deliver(this.#ownName(name), message, deliveryId);
  }

  quota(): Promise<QuotaUsage> {
    return this.#own.quota();
  }

  /** RFC 5464 §3.3: "l", and one of the rights to the messages. /private values are of each user. */
  async annotations(name: string | undefined, query: AnnotationQuery): Promise<Annotations> {
    if (name === undefined) return this.#own.annotations(undefined, query);
    const { mail, isShared, ...place } = await this.#annotatedPlace(name);
    const user = isShared ? { user: this.account.id } : {};
    return mail.annotations(place.name, { ...query, ...user });
  }

  async setAnnotations(
    name: string | undefined,
    changes: readonly AnnotationChange[],
  ): Promise<void> {
    if (name === undefined) return this.#own.setAnnotations(undefined, changes);
    const { mail, isShared, isRestore, ...place } = await this.#annotatedPlace(name);
    if (isRestore) throw no("NOPERM", "What was expunged is only for reading");
    await mail.setAnnotations(place.name, changes, isShared ? { user: this.account.id } : {});
  }

  async rights(name: string): Promise<readonly MailboxRights[]> {
    const place = await this.place(name, "a");
    return place.mail.rights(place.name);
  }

  /** Whoever was given rights finds the mailbox from then on. */
  async setRights(name: string, identifier: string, change: RightsChange): Promise<void> {
    const place = await this.place(name, "a");
    await place.mail.setRights(place.name, identifier, change);
    await this.#others.tell(place, identifier);
  }

  async sharers(): Promise<readonly string[]> {
    return this.#own.sharers();
  }

  async setSharer(address: string, isSharing: boolean): Promise<void> {
    await this.#own.setSharer(address, isSharing);
  }

  /** Of the account, and of all others that the user has a mailbox of open. */
  onChange(wake: () => void): Disposable {
    const subscriptions = [this.#own.onChange(wake), this.#others.onChange(wake)];
    return {
      [Symbol.dispose]() {
        for (const subscription of subscriptions) subscription[Symbol.dispose]();
      },
    };
  }

  lockMaildrop(): Promise<AsyncDisposable | undefined> {
    return this.#own.lockMaildrop();
  }

  fillSearchText(): Promise<void> {
    return this.#own.fillSearchText();
  }

  check(options?: { readonly repair?: boolean }): Promise<readonly string[]> {
    return this.#own.check(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#others[Symbol.asyncDispose]();
    const restore = await this.#restore?.catch(() => undefined);
    await restore?.[Symbol.asyncDispose]();
    await this.#own[Symbol.asyncDispose]();
  }

  async #find(name: string): Promise<Place> {
    const shared = parseSharedName(name);
    if (shared === undefined && isSharedName(name)) throw notThere(name);
    if (shared !== undefined) return this.#others.find(shared);
    const restored = isRestoreName(name) ? await this.#findRestored(name) : undefined;
    if (restored !== undefined) return restored;
    const rows = await rowsOrNone(this.#own, name);
    const { address } = this.account;
    const rights = effectiveRights(rows, { user: address, owner: address });
    return { mail: this.#own, name, owner: this.account, isShared: false, rights };
  }

  /** A mailbox of one's own that was called so before has the name. */
  async #findRestored(name: string): Promise<Place | undefined> {
    if (!this.hasRestore) return undefined;
    const own = await this.#own.listMailboxes();
    if (own.some((one) => one.exists && one.name === name)) return undefined;
    const mail = await this.#lookAtRestore();
    const day = dayOfRestoreName(name);
    const isThere = (await mail.listMailboxes()).some((one) => one.exists && one.name === day);
    if (!isThere) return undefined;
    return { mail, name: day, owner: this.account, isShared: false, isRestore: true, rights: "lr" };
  }

  async #lookAtRestore(): Promise<AccountMail> {
    const before = this.#restore;
    const now = this.#services.store.openExpungedMail(this.account);
    this.#restore ??= now;
    // Once open it stays so for those who have a mailbox of it; to open it again is to look again.
    if (before !== undefined) await (await now)[Symbol.asyncDispose]();
    return await this.#restore;
  }

  #ownName(name: string): string {
    if (isSharedName(name)) throw new StoreError("not-permitted", `"${name}" is not yours`);
    return name;
  }

  async #annotatedPlace(name: string): Promise<Place> {
    const place = await this.place(name, "l");
    if (!/[rswip]/.test(place.rights)) throw no("NOPERM", "That takes a right to the messages");
    return place;
  }

  /** RFC 4314 §4: "k" on the nearest mailbox above that is there; at the top everybody is his own master. */
  async #parentToCreateIn(name: string): Promise<Place & { readonly childName: string }> {
    const levels = name.split("/");
    const isShared = isSharedName(name);
    if (!isShared) this.#assertUnreserved(name, this.#own);
    for (let depth = levels.length - 1; depth >= 1; depth -= 1) {
      const parentName = levels.slice(0, depth).join("/");
      if (isShared && !isSharedName(parentName)) break;
      const parent = await this.#placeIfThere(parentName);
      if (parent === undefined) continue;
      if (!parent.rights.includes("k"))
        throw no("NOPERM", `You cannot create below ${parent.name}`);
      const childName = [parent.name, ...levels.slice(depth)].join("/");
      this.#assertUnreserved(childName, parent.mail);
      return { ...parent, childName };
    }
    if (isShared) throw notThere(name);
    const rights = effectiveRights([], { user: this.account.address, owner: this.account.address });
    return {
      mail: this.#own,
      name: "",
      owner: this.account,
      isShared: false,
      rights,
      childName: name,
    };
  }

  /** Of the names in an account, those of its other namespaces: a mailbox there could not be told from theirs. */
  #assertUnreserved(name: string, { hierarchy }: AccountMail): void {
    if (name.startsWith(sharedPrefix)) throw no("CANNOT", "Below Shared is what others share");
    if (this.hasRestore && clientNameOf(name, hierarchy).startsWith(restorePrefix)) {
      throw no("CANNOT", "Below Restore is what was expunged");
    }
  }

  async #placeIfThere(name: string): Promise<Place | undefined> {
    try {
      if (!isSharedName(name)) await this.#own.rights(name);
      const place = await this.place(name);
      return place;
    } catch (error) {
      if (error instanceof StoreError && error.code === "not-found") return undefined;
      throw error;
    }
  }

  /** RFC 4314 §4: a new mailbox has the rights of the one above it. */
  async #inherit(parent: Place & { readonly childName: string }): Promise<void> {
    if (parent.name === "") return;
    for (const { identifier, rights } of await parent.mail.rights(parent.name)) {
      await parent.mail.setRights(parent.childName, identifier, { mode: "replace", rights });
    }
  }

  async #markSeen(place: Place, uids: readonly Uid[]): Promise<void> {
    await using mailbox = await place.mail.openMailbox(place.name, { user: this.account.id });
    await mailbox.changeFlags(uids, { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
  }
}

interface UserServices {
  readonly auth: AuthClient;
  readonly store: MailStore;
  readonly config: {
    readonly imap: Pick<Config["imap"], "restoreNamespace">;
    readonly retention: Pick<Config["retention"], "expungedDays">;
  };
}

const allRightsCount = 11;

/** A mailbox that is not there has no rows, and its owner may make it. */
async function rowsOrNone(mail: AccountMail, name: string): Promise<readonly MailboxRights[]> {
  try {
    return await mail.rights(name);
  } catch (error) {
    if (error instanceof StoreError && error.code === "not-found") return [];
    throw error;
  }
}

/** Notes in `seen` which messages were to be \Seen: in a mailbox of another that is not for the file. */
async function* permitted(
  messages: Messages,
  { rights, isShared }: Place,
  seen: boolean[],
): AsyncGenerator<AppendRequest> {
  for await (const message of messages) {
    const allowed = permittedFlags(message, rights);
    seen.push(allowed.systemFlags?.includes("\\Seen") ?? false);
    const systemFlags = allowed.systemFlags?.filter((flag) => !isShared || flag !== "\\Seen") ?? [];
    yield { ...allowed, systemFlags };
  }
}

const notThere = (name: string): StoreError =>
  new StoreError("not-found", `There is no mailbox "${name}" for this user`);
