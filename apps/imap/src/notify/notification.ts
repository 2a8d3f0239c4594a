import {
  type AccountMail,
  type MailboxInfo,
  type MailboxStatus,
  StoreError,
} from "@posthouse/mailbox-store";
import { formatStatus, type StatusItem } from "../answers/status.ts";
import type { Enabled } from "../enabled.ts";
import { limits } from "../limits.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";
import type { ResponseWriter } from "../response-writer.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import {
  type EventName,
  type NotifyRequest,
  overflow,
  type SelectedGroup,
} from "../syntax/notify-arguments.ts";
import { formatQuotedMailbox } from "../syntax/strings.ts";
import { MetadataWatch, type WantedMetadata } from "./metadata-watch.ts";
import { isOnlyOwn, type OwnChange, type OwnMessages, withOwnChange } from "./own-changes.ts";
import {
  eventsOf,
  listOf,
  type MailboxList,
  type NameChange,
  nameChanges,
} from "./watched-mailboxes.ts";

/**
 * What one client asked to hear of (RFC 5465), and what it knows of the mailboxes that it has not selected.
 *
 * The store only says that something in the account changed. What it was is found by looking at each
 * watched mailbox, so any number of changes while we look, or while the client is slow to read, make one more
 * look, and nothing piles up.
 */
export class Notification implements Disposable {
  readonly #mail: AccountMail;
  readonly #request: NotifyRequest;
  readonly #enabled: Enabled;
  readonly #changes: Disposable;
  #metadata: MetadataWatch | undefined;
  #mailboxes: MailboxList = new Map();
  #statuses: ReadonlyMap<string, MailboxStatus> = new Map();
  /** Those that the client was told it may no longer look at (§5.9). */
  readonly #hidden = new Set<string>();
  #isDue = false;
  #wake: (() => void) | undefined;

  private constructor(mail: AccountMail, request: NotifyRequest, enabled: Enabled) {
    this.#mail = mail;
    this.#request = request;
    this.#enabled = enabled;
    this.#changes = mail.onChange(() => {
      this.#isDue = true;
      this.#wake?.();
    });
  }

  /** Takes in how things are now. NO where that is too much to watch. */
  static async open(
    mail: AccountMail,
    request: NotifyRequest,
    enabled: Enabled,
  ): Promise<Notification> {
    const notification = new Notification(mail, request, enabled);
    try {
      notification.#mailboxes = await listOf(mail);
      notification.#statuses = await notification.#readStatuses(notification.#mailboxes);
      const wanted = wantedMetadata(request);
      if (wanted !== undefined) {
        notification.#metadata = await MetadataWatch.open(mail, wanted, enabled);
      }
    } catch (error) {
      notification[Symbol.dispose]();
      throw error;
    }
    return notification;
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
    this.#metadata?.[Symbol.dispose]();
  }

  /** Undefined: the client wants to hear nothing of the selected mailbox. */
  get selected(): SelectedGroup | undefined {
    return this.#request.selected;
  }

  /** Something changed since the last look. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Calls `wake` when something changes, until it is disposed of. */
  onDue(wake: () => void): Disposable {
    this.#wake = wake;
    return {
      [Symbol.dispose]: () => {
        this.#wake = undefined;
      },
    };
  }

  /** A STATUS of each mailbox whose messages are watched (§3.1). */
  async tellStatuses(output: ResponseWriter, selectedName: string | undefined): Promise<void> {
    for (const [name, status] of this.#statuses) {
      if (name === selectedName) continue;
      const mailbox = this.#mailboxes.get(name);
      const events = mailbox && eventsOf(mailbox, this.#request.others);
      const items: StatusItem[] = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"];
      if (events?.has("FlagChange") || this.#enabled.has("CONDSTORE")) items.push("HIGHESTMODSEQ");
      this.#writeStatus(name, items, status, output);
      await output.pace();
    }
  }

  /** Looks, and tells what is not as it was. Throws NOTIFICATIONOVERFLOW when there is too much to watch now. */
  async tell(output: ResponseWriter, selectedName: string | undefined): Promise<void> {
    if (!this.#isDue) return;
    this.#isDue = false;
    if (this.#request.others.every(({ events }) => events.size === 0)) return;
    const mailboxes = await listOf(this.#mail);
    const changes = nameChanges(this.#mailboxes, mailboxes);
    for (const change of changes) {
      this.#tellName(change, mailboxes, output);
      await output.pace();
    }
    this.#mailboxes = mailboxes;
    const before = this.#statuses;
    this.#statuses = await this.#readStatuses(mailboxes);
    for (const [name, status] of this.#statuses) {
      // The selected mailbox tells of itself (§3.1), and goes on from there when it is left.
      if (name === selectedName) continue;
      const items = this.#changedItems(mailboxes.get(name), before.get(name), status);
      if (items.length > 0) this.#writeStatus(name, items, status, output);
      await output.pace();
    }
    await this.#metadata?.tell(output);
  }

  /** What the client itself did with names is no news to it (§5). */
  async noteOwn(change: OwnChange): Promise<void> {
    const known = this.#mailboxes;
    this.#mailboxes = withOwnChange(known, await listOf(this.#mail), change);
    const statuses = new Map(this.#statuses);
    for (const mailbox of this.#mailboxes.values()) {
      const { name } = mailbox;
      if (known.get(name)?.mailboxId === mailbox.mailboxId || !this.#isWatched(mailbox)) continue;
      const status = await statusOf(this.#mail, name);
      const isMoved = change.kind === "renamed";
      // What somebody has put there already is told.
      if (status !== undefined && (isMoved || status.messages === 0)) statuses.set(name, status);
    }
    this.#statuses = statuses;
  }

  /** Nor that its messages are in another mailbox, where nothing else has changed there. */
  async noteOwnMessages(name: string, own: OwnMessages): Promise<void> {
    const before = this.#statuses.get(name);
    if (before === undefined) return;
    const status = await statusOf(this.#mail, name);
    if (status === undefined || !isOnlyOwn(before, status, own)) return;
    this.#statuses = new Map([...this.#statuses, [name, status]]);
  }

  /** As MetadataWatch.noteOwn(). */
  async noteOwnMetadata(mailboxName: string | undefined): Promise<void> {
    await this.#metadata?.noteOwn(mailboxName);
  }

  async #readStatuses(mailboxes: MailboxList): Promise<ReadonlyMap<string, MailboxStatus>> {
    const watched = [...mailboxes.values()].filter((mailbox) => this.#isWatched(mailbox));
    if (watched.length > limits.notifyMailboxesMax) throw overflow();
    const statuses = new Map<string, MailboxStatus>();
    for (const { name } of watched) {
      const status = await statusOf(this.#mail, name);
      if (status !== undefined) statuses.set(name, status);
    }
    return statuses;
  }

  #isWatched(mailbox: MailboxInfo): boolean {
    return mailbox.exists && eventsOf(mailbox, this.#request.others).has("MessageNew");
  }

  /** §5.1 to §5.3: what of a STATUS says what changed; nothing when nothing did. */
  #changedItems(
    mailbox: MailboxInfo | undefined,
    before: MailboxStatus | undefined,
    status: MailboxStatus,
  ): readonly StatusItem[] {
    const events = mailbox && eventsOf(mailbox, this.#request.others);
    if (before?.uidValidity !== status.uidValidity) return ["UIDVALIDITY", "UIDNEXT", "MESSAGES"];
    const items: StatusItem[] = [];
    if (before.uidNext !== status.uidNext || before.messages !== status.messages) {
      items.push("UIDNEXT", "MESSAGES");
    }
    const hasFlags = events?.has("FlagChange") === true;
    if (hasFlags && before.unseen !== status.unseen) items.push("UNSEEN");
    const hasModSeq = this.#enabled.has("CONDSTORE");
    if (
      hasModSeq &&
      (hasFlags || items.length > 0) &&
      before.highestModSeq !== status.highestModSeq
    ) {
      if (hasFlags) items.push("UIDVALIDITY");
      items.push("HIGHESTMODSEQ");
    }
    return items;
  }

  #writeStatus(
    name: string,
    items: readonly StatusItem[],
    status: MailboxStatus,
    output: ResponseWriter,
  ): void {
    const clientName = clientNameOf(name, this.#mail.hierarchy);
    const counted = { ...status, deletedBytes: 0 };
    output.untagged(formatStatus(clientName, items, counted, { enabled: this.#enabled }));
  }

  /** §5.4, §5.5: `LIST (\HasNoChildren) "/" "NewMailbox" ("OLDNAME" ("OldMailbox"))`. */
  #tellName(change: NameChange, mailboxes: MailboxList, output: ResponseWriter): void {
    const { name, oldName, mailbox } = change;
    const old = oldName === undefined ? undefined : this.#mailboxes.get(oldName);
    const events = [mailbox, ...(old === undefined ? [] : [old])].map((one) =>
      eventsOf(one, this.#request.others),
    );
    const isWanted = events.some((wanted) => wanted.has(change.event));
    // §5.9: of what is watched also where names are not.
    const isHidden = isSharedName(name) && isGone(change) && events.some(({ size }) => size > 0);
    if (isHidden) this.#hidden.add(name);
    const isBack = this.#hidden.has(name) && mailbox.exists;
    if (isBack) this.#hidden.delete(name);
    if (!isWanted && !isHidden && !isBack) return;
    const quote = (text: string) =>
      formatQuotedMailbox(clientNameOf(text, this.#mail.hierarchy), this.#enabled);
    const attributes = [
      ...attributesOf(mailbox, mailboxes),
      ...(isHidden ? ["\\NoAccess"] : []),
    ].join(" ");
    const oldPart = oldName === undefined ? "" : ` ("OLDNAME" (${quote(oldName)}))`;
    const { separator } = this.#mail.hierarchy;
    output.untagged(`LIST (${attributes}) "${separator}" ${quote(name)}${oldPart}`);
  }
}

/**
 * One that was there, and is not. Of somebody else's mailbox the client hears the same when it was deleted as when it
 * may no longer be looked at, since which of the two it was is no matter of his (RFC 4314 §6).
 */
const isGone = ({ event, mailbox }: NameChange): boolean =>
  event === "MailboxName" && !mailbox.exists && mailbox.mailboxId !== "";

/** §5.6, §5.7; undefined where nobody asked. */
function wantedMetadata({ others }: NotifyRequest): WantedMetadata | undefined {
  const hasEvent = (event: EventName) => others.some(({ events }) => events.has(event));
  const ofServer = hasEvent("ServerMetadataChange");
  if (!ofServer && !hasEvent("MailboxMetadataChange")) return undefined;
  return {
    ofServer,
    isOf: (mailbox) => eventsOf(mailbox, others).has("MailboxMetadataChange"),
  };
}

function attributesOf(mailbox: MailboxInfo, mailboxes: MailboxList): readonly string[] {
  const prefix = `${mailbox.name}/`;
  const hasChildren = mailboxes
    .values()
    .some(({ name, exists }) => exists && name.startsWith(prefix));
  return [
    ...(mailbox.exists ? [] : ["\\NonExistent"]),
    hasChildren ? "\\HasChildren" : "\\HasNoChildren",
    ...(mailbox.isSubscribed ? ["\\Subscribed"] : []),
    ...mailbox.specialUse,
  ];
}

/** Undefined for one that was deleted meanwhile: the next look finds that. */
async function statusOf(mail: AccountMail, name: string): Promise<MailboxStatus | undefined> {
  try {
    return await mail.status(name);
  } catch (error) {
    if (error instanceof StoreError && error.code === "not-found") return undefined;
    throw error;
  }
}
