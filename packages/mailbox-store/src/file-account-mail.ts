import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AccountState } from "./account-state.ts";
import { annotationsIn } from "./annotations.ts";
import { checkAccount } from "./check-account.ts";
import { listExpunged, openExpunged } from "./expunged/list-expunged.ts";
import type { MailboxState } from "./index/index-reader.ts";
import { limits } from "./limits.ts";
import { mailboxInfos } from "./mailbox-infos.ts";
import type { Mailbox, OpenMailboxOptions, OwnAccountMail } from "./mailbox-store.ts";
import { canonicalName, canonicalNameToMake, inboxFolder } from "./maildir/folder-name.ts";
import { isSeenUser } from "./maildir/seen-file.ts";
import { parseSharers, sharersFileName } from "./maildir/sharers-file.ts";
import { parseSubscriptions } from "./maildir/subscriptions.ts";
import { lockMaildrop } from "./maildrop-lock.ts";
import { formatOfFolder } from "./mbox/mbox-folder.ts";
import { OpenMailbox, weightOf } from "./open-mailbox.ts";
import { readAnnotations, readRights } from "./plain-file-rows.ts";
import { discardReceived, receiveMessage } from "./receive-message.ts";
import { checkedIdentifier } from "./rights.ts";
import { SeenOfUser } from "./seen-of-user.ts";
import { canBeReadAsItWas, folderDoubt, scanMailbox } from "./shared-mailbox.ts";
import { StoreError } from "./store-error.ts";
import type {
  AccountRef,
  AnnotationChange,
  AnnotationQuery,
  Annotations,
  Appended,
  AppendRequest,
  Expunged,
  Hierarchy,
  MailboxInfo,
  MailboxRights,
  MailboxStatus,
  ModSeq,
  QuotaUsage,
  RightsChange,
  SpecialUse,
  StoredMessage,
  Uid,
  UidValidity,
} from "./types.ts";
import { subscriptionsName } from "./writer/account-tree.ts";
import type { QuotaLimits, ReceivedMessage } from "./writer/jobs.ts";

/** One opening of an account whose mail is in files. */
export class FileAccountMail implements OwnAccountMail {
  readonly #account: AccountState;
  readonly #ref: AccountRef;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(account: AccountState, ref: AccountRef, onClose: () => void) {
    this.#account = account;
    this.#ref = ref;
    this.#onClose = onClose;
  }

  get hierarchy(): Hierarchy {
    return this.#account.names;
  }

  async listMailboxes(): Promise<readonly MailboxInfo[]> {
    const mailboxes = await this.#account.mailboxes();
    const octets = await readFile(join(this.#account.path, subscriptionsName)).catch(() =>
      Buffer.alloc(0),
    );
    const style = this.#account.names;
    return mailboxInfos(mailboxes, parseSubscriptions(octets, style), style);
  }

  async createMailbox(
    name: string,
    options: { readonly specialUse?: readonly SpecialUse[] } = {},
  ): Promise<void> {
    const folders = await this.#account.foldersDownTo(canonicalNameToMake(name));
    const specialUse = options.specialUse ?? [];
    const quota = this.#quotaLimits();
    await this.#account.run("createMailbox", { folders, specialUse, quota });
  }

  async setSpecialUse(name: string, specialUse: readonly SpecialUse[]): Promise<void> {
    const { folder } = await this.#account.mailboxNamed(canonicalName(name));
    await this.#account.run("setSpecialUse", { folder, specialUse });
  }

  async renameMailbox(from: string, to: string): Promise<void> {
    const fromName = canonicalName(from);
    const toName = canonicalNameToMake(to);
    if (fromName === "INBOX") return this.#renameInbox(toName);
    if (toName.startsWith(`${fromName}/`)) {
      throw new StoreError("not-permitted", `Cannot rename "${fromName}" to "${toName}" below it`);
    }
    const [fromFolder = "", toFolder = ""] = (
      await Promise.all([fromName, toName].map((name) => this.#account.foldersDownTo(name)))
    ).map((folders) => folders.at(-1));
    await this.#account.run("renameMailbox", { fromFolder, toFolder });
    await this.#account.run("finishRenames", {});
    await this.#makeParents(toName);
  }

  async deleteMailbox(name: string): Promise<void> {
    const wanted = canonicalName(name);
    const folder = (await this.#account.foldersDownTo(wanted)).at(-1) ?? inboxFolder;
    if (wanted === "INBOX") throw new StoreError("not-permitted", "INBOX cannot be deleted");
    const mailboxes = await this.#account.mailboxes();
    const isThere = mailboxes.some((mailbox) => mailbox.folder === folder);
    // RFC 9051 §6.3.5: a name that only has others below it cannot be deleted once more.
    if (!isThere && mailboxes.some((mailbox) => mailbox.folder.startsWith(`${folder}.`))) {
      throw new StoreError("not-permitted", `"${wanted}" is only the parent of other mailboxes`);
    }
    await this.#account.run("deleteMailbox", { folder });
  }

  async setSubscribed(name: string, isSubscribed: boolean): Promise<void> {
    await this.#account.run("setSubscribed", {
      // What is subscribed already may be given up, whatever it is.
      name: isSubscribed ? canonicalNameToMake(name) : canonicalName(name),
      isSubscribed,
    });
  }

  async openMailbox(name: string, options: OpenMailboxOptions = {}): Promise<Mailbox> {
    const wanted = canonicalName(name);
    const { user } = options;
    if (user !== undefined && !isSeenUser(user)) {
      throw new StoreError("not-permitted", `Nobody has the id "${user}"`);
    }
    const state = await this.#account.mailboxNamed(wanted);
    const shared = await this.#account.openMailbox(state);
    const seen = user === undefined ? undefined : new SeenOfUser(this.#account, shared, user);
    await seen?.sync();
    return new OpenMailbox(this.#account, shared, {
      name: wanted,
      seen,
      isReadOnly: options.readOnly ?? false,
      quota: () => this.#quotaLimits(),
      compression: this.#ref.compression ?? "none",
    });
  }

  async status(name: string): Promise<MailboxStatus> {
    let state = await this.#account.mailboxNamed(canonicalName(name));
    const doubt = await folderDoubt(this.#account, state);
    if (doubt?.isOnlyDue === true) {
      // The next STATUS tells what it finds, and whoever watches is woken.
      scanMailbox(this.#account, state).catch(() => undefined);
    } else if (doubt !== undefined) {
      try {
        await scanMailbox(this.#account, state);
      } catch (error) {
        if (!canBeReadAsItWas(state, error)) throw error;
      }
      state = await this.#account.mailboxOfFolder(state.folder);
    }
    return statusOf(state);
  }

  async append(
    mailboxName: string,
    messages: Iterable<AppendRequest> | AsyncIterable<AppendRequest>,
  ): Promise<Appended> {
    const { folder } = await this.#account.mailboxNamed(canonicalName(mailboxName));
    return this.#store(folder, messages, undefined);
  }

  async deliver(
    mailboxName: string,
    message: AppendRequest,
    deliveryId: string,
  ): Promise<Appended> {
    const name = canonicalName(mailboxName);
    // Most mail is for INBOX, which is always there.
    const folder = name === "INBOX" ? inboxFolder : (await this.#account.mailboxNamed(name)).folder;
    return this.#store(folder, [message], deliveryId);
  }

  async quota(): Promise<QuotaUsage> {
    const totals = await this.#account.read((queries) => queries.totals.get());
    const { quotaBytes, quotaMessages, quotaMailboxes } = this.#ref;
    return {
      ...(totals ?? { bytes: 0, messages: 0, mailboxes: 0 }),
      ...(quotaBytes === undefined ? {} : { bytesMax: quotaBytes }),
      ...(quotaMessages === undefined ? {} : { messagesMax: quotaMessages }),
      ...(quotaMailboxes === undefined ? {} : { mailboxesMax: quotaMailboxes }),
    };
  }

  async annotations(name: string | undefined, query: AnnotationQuery): Promise<Annotations> {
    const folder = await this.#folderOf(name);
    return annotationsIn(await readAnnotations(this.#account, folder), query);
  }

  async setAnnotations(
    name: string | undefined,
    changes: readonly AnnotationChange[],
    options: { readonly user?: string } = {},
  ): Promise<void> {
    const folder = await this.#folderOf(name);
    const user = options.user === undefined ? "" : checkedIdentifier(options.user);
    await this.#account.run("setAnnotations", { folder, user, changes });
  }

  async rights(name: string): Promise<readonly MailboxRights[]> {
    const { folder } = await this.#account.mailboxNamed(canonicalName(name));
    return readRights(this.#account, folder);
  }

  async setRights(name: string, identifier: string, change: RightsChange): Promise<void> {
    const { folder } = await this.#account.mailboxNamed(canonicalName(name));
    const checked = checkedIdentifier(identifier);
    await this.#account.run("setRights", { folder, identifier: checked, change });
  }

  async sharers(): Promise<readonly string[]> {
    const octets = await readFile(join(this.#account.path, sharersFileName)).catch(() =>
      Buffer.alloc(0),
    );
    return parseSharers(octets);
  }

  async setSharer(address: string, isSharing: boolean): Promise<void> {
    await this.#account.run("setSharer", { address: checkedIdentifier(address), isSharing });
  }

  onChange(wake: () => void): Disposable {
    return this.#account.subscribe(wake);
  }

  async lockMaildrop(): Promise<AsyncDisposable | undefined> {
    return lockMaildrop(this.#account.path);
  }

  listExpunged(): Promise<readonly Expunged[]> {
    return listExpunged(this.#account);
  }

  openExpunged(id: string): Promise<StoredMessage> {
    return openExpunged(this.#account, id);
  }

  async restoreExpunged(ids: readonly string[], mailboxName: string): Promise<number> {
    const state = await this.#account.mailboxNamed(canonicalName(mailboxName));
    const args = { ids, folder: state.folder, quota: this.#quotaLimits() };
    const { messages } = await this.#account.run("restoreExpunged", args, weightOf(ids));
    // They are back, and known before anybody looks.
    if (messages > 0) await scanMailbox(this.#account, state);
    return messages;
  }

  async restoreMailbox(id: string, name: string): Promise<void> {
    const wanted = canonicalNameToMake(name);
    const folder = (await this.#account.foldersDownTo(wanted)).at(-1) ?? inboxFolder;
    if (folder === inboxFolder) throw new StoreError("exists", "INBOX is always there");
    await this.#account.run("restoreMailbox", { id, folder });
    await this.#makeParents(wanted);
    await scanMailbox(this.#account, await this.#account.mailboxOfFolder(folder));
  }

  async fillSearchText(): Promise<void> {
    await this.#account.context.fill.fill(this.#account.path);
  }

  async check(options: { readonly repair?: boolean } = {}): Promise<readonly string[]> {
    return checkAccount(this.#account, { repair: options.repair ?? false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
  }

  /** Of a mailbox, or undefined for the account itself. */
  async #folderOf(name: string | undefined): Promise<string | undefined> {
    if (name === undefined) return undefined;
    return (await this.#account.mailboxNamed(canonicalName(name))).folder;
  }

  /** Messages one after the other, each durable before the next is read; then all are placed at once. */
  async #store(
    folder: string,
    requests: Iterable<AppendRequest> | AsyncIterable<AppendRequest>,
    deliveryId: string | undefined,
  ): Promise<Appended> {
    const { host, messageBytesMax } = this.#account.context;
    // An mbox has no form for it.
    const isMbox = formatOfFolder(this.#account.folderPath(folder)) === "mbox";
    const { compression = "none" } = isMbox ? {} : this.#ref;
    const options = {
      tmpDirectory: this.#account.tmpPath,
      host,
      messageBytesMax,
      compression,
      canHoldNul: !isMbox,
    };
    const messages: ReceivedMessage[] = [];
    try {
      for await (const request of requests) {
        refuseTooMany(messages.length + 1);
        messages.push(await receiveMessage(request, options));
      }
      const appended = await this.#account.run("append", {
        folder,
        messages,
        isDelivery: deliveryId !== undefined,
        ...(deliveryId === undefined ? {} : { deliveryId }),
        quota: this.#quotaLimits(),
      });
      return appended as Appended;
    } catch (error) {
      await discardReceived(options.tmpDirectory, messages);
      throw error;
    }
  }

  /** RFC 9051 §6.3.6: INBOX gives its messages to a new mailbox, and stays, with what is below it. */
  async #renameInbox(toName: string): Promise<void> {
    await this.createMailbox(toName);
    const state = await this.#account.mailboxOfFolder(inboxFolder);
    const inbox = await this.#account.openMailbox(state);
    try {
      const uids = [...inbox.columns.uids];
      const { folder: targetFolder } = await this.#account.mailboxNamed(toName);
      await this.#account.run(
        "copy",
        { guid: inbox.guid, uids, targetFolder, quota: {}, isMove: true },
        weightOf(uids),
      );
    } finally {
      this.#account.closeMailbox(inbox);
    }
  }

  /** RFC 9051 §6.3.6: levels above the new name are made, as CREATE makes them. */
  async #makeParents(name: string): Promise<void> {
    const parent = name.slice(0, Math.max(name.lastIndexOf("/"), 0));
    if (parent === "") return;
    try {
      await this.createMailbox(parent);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "exists") throw error;
    }
  }

  #quotaLimits(): QuotaLimits {
    const { quotaBytes, quotaMessages, quotaMailboxes } = this.#ref;
    return {
      ...(quotaBytes === undefined ? {} : { quotaBytes }),
      ...(quotaMessages === undefined ? {} : { quotaMessages }),
      ...(quotaMailboxes === undefined ? {} : { quotaMailboxes }),
    };
  }
}

function refuseTooMany(messages: number): void {
  if (messages <= limits.messagesPerAppendMax) return;
  throw new StoreError(
    "limit",
    `Cannot append more than ${limits.messagesPerAppendMax} messages at once`,
  );
}

function statusOf(state: MailboxState): MailboxStatus {
  return {
    messages: state.messages,
    unseen: state.unseen,
    deleted: state.deleted,
    recent: state.recent,
    uidNext: state.uidNext as Uid,
    uidValidity: state.uidValidity as UidValidity,
    highestModSeq: state.highestModSeq as ModSeq,
    sizeBytes: state.bytes,
    mailboxId: state.guid,
  };
}
