import assert from "node:assert/strict";
import {
  type AccountMail,
  type ModSeq,
  type SpecialUse,
  type SystemFlag,
  systemFlagBits,
  type Uid,
} from "../../src/index.ts";
import {
  accounts,
  commentEntry,
  numberedMessage,
  type SeenMessage,
  type SeenStore,
  type StoreAnswer,
  type StoreOrder,
  type WorkerTask,
} from "./store-traffic.ts";

const sharedMailboxes = ["INBOX", "Archive", "Sent", "Trash"];
const flagNames = Object.keys(systemFlagBits) as SystemFlag[];
/** Uses that no mailbox has from the beginning: one for each of two actors. */
const uses: readonly SpecialUse[] = ["\\All", "\\Flagged"];
const ownNames = ["", "/a", "/b", "/a/c", "/d"];

type Owned = Pick<SeenMessage, "account" | "mailbox" | "uid" | "number">;
type FlagOrder = Extract<StoreOrder, { readonly do: "flag" }>;

/**
 * One who works on messages and mailboxes of his own, one order after the other, so that what must be is
 * known: messages whose number is his, and mailboxes of the tree that has his name.
 */
export class StoreActor {
  readonly number: number;
  readonly #task: WorkerTask;
  readonly #mails: readonly AccountMail[];
  readonly #owned = new Map<string, Owned>();
  #lastNumber: number;
  #randomState: number;
  #unchangedSince: ModSeq | undefined;

  constructor(
    number: number,
    task: WorkerTask,
    mails: readonly AccountMail[],
    seen: Pick<SeenStore, "messages">,
  ) {
    this.number = number;
    this.#task = task;
    this.#mails = mails;
    this.#lastNumber = Math.ceil(task.firstNumber / task.actorsOfAll) * task.actorsOfAll + number;
    this.#randomState = (task.seed * 1_000 + number) >>> 0;
    for (const message of seen.messages) {
      if ((message.number ?? -1) % task.actorsOfAll === number) this.#own(message);
    }
  }

  async nextOrder(): Promise<StoreOrder> {
    const kind = this.#random(16);
    if (kind < 2) return this.#mailboxOrder();
    const messages = [...this.#owned.values()];
    const isFew = messages.length < this.#task.messagesWanted;
    if (messages.length === 0 || kind < (isFew ? 8 : 5)) return this.#newMessages(kind);
    const { account, mailbox, uid } = this.#any(messages);
    // Some more of the same mailbox.
    const others = messages.filter((one) => one.account === account && one.mailbox === mailbox);
    const uids = [uid, ...others.map((one) => one.uid).filter(() => this.#random(8) === 0)];
    const at = { account, mailbox, uids: [...new Set(uids)].slice(0, 6) };
    if (kind < 11) return this.#flagOrder(at);
    if (kind < 12) return { do: "expunge", ...at };
    const to = this.#any(await this.#targets(account));
    if (kind < 13) return { do: "copy", ...at, to };
    if (kind < 15) return { do: "move", ...at, to };
    const number = this.#newNumber();
    return { do: "replace", ...at, uids: [uid], to, number, flags: this.#anyFlags() };
  }

  async obey(order: StoreOrder): Promise<StoreAnswer> {
    const mail = this.#mailOf(order.account);
    if ("numbers" in order) {
      if (order.do === "deliver") return this.#deliver(mail, order);
      return mail.append(
        order.mailbox,
        order.numbers.map((number) => requestOf(number, order.flags)),
      );
    }
    if ("uids" in order) return this.#obeyInMailbox(mail, order);
    const nothing = { uids: [], uidValidity: 0 };
    if (order.do === "create") await mail.createMailbox(order.mailbox);
    else if (order.do === "delete") await mail.deleteMailbox(order.mailbox);
    else if (order.do === "rename") await mail.renameMailbox(order.mailbox, order.to);
    else if (order.do === "subscribe") {
      await mail.setSubscribed(order.mailbox, order.isSubscribed);
    } else if (order.do === "use") await mail.setSpecialUse(order.mailbox, order.specialUse);
    else {
      const value = order.comment === "" ? {} : { value: Buffer.from(order.comment) };
      await mail.setAnnotations(order.mailbox, [{ entry: commentEntry, ...value }]);
    }
    return nothing;
  }

  remember(order: StoreOrder, { uids, sources }: StoreAnswer): void {
    const { account, mailbox } = order;
    const all = [...this.#owned.values()];
    if (order.do === "deliver" || order.do === "append") {
      for (const [at, number] of order.numbers.entries()) {
        this.#own({ account, mailbox, uid: uids[at] ?? 0, number });
      }
    } else if (order.do === "delete") {
      for (const one of all) if (isIn(one, order)) this.#owned.delete(placeOf(one));
    } else if (order.do === "rename") {
      for (const one of all) {
        if (!isIn(one, order) && !isBelow(one, order)) continue;
        this.#owned.delete(placeOf(one));
        this.#own({ ...one, mailbox: order.to + one.mailbox.slice(mailbox.length) });
      }
    }
    if (!("uids" in order)) return;
    const before = (sources ?? order.uids).map((uid) =>
      this.#owned.get(placeOf({ ...order, uid })),
    );
    if (order.do === "expunge" || order.do === "move" || order.do === "replace") {
      for (const one of before) if (one !== undefined) this.#owned.delete(placeOf(one));
    }
    if (!("to" in order)) return;
    for (const [at, uid] of uids.entries()) {
      const number = order.do === "replace" ? order.number : before[at]?.number;
      this.#own({ account, mailbox: order.to, uid, number });
    }
  }

  /** The same hand-over again, as by a client that did not hear the answer, changes nothing. */
  async #deliver(
    mail: AccountMail,
    order: Extract<StoreOrder, { readonly do: "deliver" | "append" }>,
  ): Promise<StoreAnswer> {
    const number = order.numbers[0] ?? 0;
    const deliver = () =>
      mail.deliver(order.mailbox, requestOf(number, order.flags), `delivery ${number}`);
    const answer = await deliver();
    if (this.#random(8) === 0) assert.deepEqual(await deliver(), answer);
    return answer;
  }

  async #obeyInMailbox(
    mail: AccountMail,
    order: Extract<StoreOrder, { readonly uids: readonly number[] }>,
  ): Promise<StoreAnswer> {
    await using mailbox = await mail.openMailbox(order.mailbox);
    const uids = order.uids as Uid[];
    if (this.#random(4) === 0) await mailbox.claimRecent();
    if (order.do === "replace") {
      return mailbox.replace(uids[0] as Uid, order.to, requestOf(order.number, order.flags));
    }
    if (order.do === "copy" || order.do === "move") {
      const { targetUids, sourceUids, uidValidity } = await mailbox[order.do](uids, order.to);
      return { uids: targetUids, uidValidity, sources: sourceUids };
    }
    if (order.do === "expunge") {
      await mailbox.expunge(uids);
      return { uids: [], uidValidity: 0 };
    }
    const { mode } = order;
    const unchangedSince = this.#unchangedSince;
    const change = { mode, ...flagsOfText(order.flags) };
    const { modified } = await mailbox.changeFlags(uids, {
      ...change,
      ...(unchangedSince === undefined ? {} : { unchangedSince }),
    });
    return { uids: [], uidValidity: 0, modified };
  }

  #newMessages(kind: number): StoreOrder {
    const account = this.#random(accounts.length);
    const mailbox = this.#any(sharedMailboxes);
    const isBatch = kind % 3 === 0;
    const numbers = Array.from({ length: isBatch ? 3 : 1 }, () => this.#newNumber());
    return {
      do: isBatch ? "append" : "deliver",
      account,
      mailbox,
      numbers,
      flags: this.#anyFlags(),
    };
  }

  /** Every other one as of a moment: some of the messages have changed since, others have not. */
  async #flagOrder(at: {
    readonly account: number;
    readonly mailbox: string;
    readonly uids: readonly number[];
  }): Promise<FlagOrder> {
    const mode = this.#any(["add", "remove", "replace"] as const);
    const flags = this.#anyFlags();
    this.#unchangedSince = undefined;
    if (this.#random(2) === 0) return { do: "flag", ...at, mode, flags, refused: [] };
    await using mailbox = await this.#mailOf(at.account).openMailbox(at.mailbox, {
      readOnly: true,
    });
    const { uids, modSeqs } = mailbox.columns;
    const modSeqOf = (uid: number) => modSeqs[uids.indexOf(uid)] ?? 0;
    const since = modSeqOf(this.#any(at.uids));
    this.#unchangedSince = since as ModSeq;
    const refused = at.uids.filter((uid) => modSeqOf(uid) > since);
    return { do: "flag", ...at, mode, flags, refused };
  }

  async #mailboxOrder(): Promise<StoreOrder> {
    const account = this.#random(accounts.length);
    const existing = await this.#ownMailboxes(account);
    const mailbox = `Actor${this.number}${this.#any(ownNames)}`;
    const at = { account, mailbox };
    if (!existing.includes(mailbox)) return { do: "create", ...at };
    const kind = this.#random(10);
    if (kind < 2) {
      const to = `Actor${this.number}/${this.#random(1_000_000)}`;
      if (!to.startsWith(`${mailbox}/`)) return { do: "rename", ...at, to };
      return { do: "rename", ...at, to: `Actor${this.number}x${this.#random(1_000_000)}` };
    }
    if (kind < 4) return { do: "delete", ...at };
    if (kind < 6) return { do: "subscribe", ...at, isSubscribed: this.#random(2) === 0 };
    const use = uses[this.number];
    if (kind < 8 && use !== undefined) {
      const infos = await this.#mailOf(account).listMailboxes();
      const holder = infos.find(({ specialUse }) => specialUse.includes(use));
      if (holder !== undefined) return { do: "use", account, mailbox: holder.name, specialUse: [] };
      return { do: "use", ...at, specialUse: [use] };
    }
    const comment = this.#random(4) === 0 ? "" : `comment ${this.#random(1_000_000)}`;
    return { do: "annotate", ...at, comment };
  }

  async #targets(account: number): Promise<string[]> {
    return [...sharedMailboxes, ...(await this.#ownMailboxes(account))];
  }

  async #ownMailboxes(account: number): Promise<string[]> {
    const mine = new RegExp(`^Actor${this.number}(?:[x/]|$)`);
    const infos = await this.#mailOf(account).listMailboxes();
    return infos.filter(({ name, exists }) => exists && mine.test(name)).map(({ name }) => name);
  }

  /** Forty keywords: some have letters in file names, some do not. */
  #anyFlags(): string {
    const flags = new Set<string>(flagNames.filter(() => this.#random(3) === 0));
    for (let count = this.#random(4); count > 0; count -= 1) flags.add(`key${this.#random(40)}`);
    return [...flags].sort().join(" ");
  }

  #newNumber(): number {
    this.#lastNumber += this.#task.actorsOfAll;
    return this.#lastNumber;
  }

  #own(message: Owned): void {
    const { account, mailbox, uid, number } = message;
    this.#owned.set(placeOf(message), { account, mailbox, uid, number });
  }

  #mailOf(account: number): AccountMail {
    return this.#mails[account] as AccountMail;
  }

  #random(below: number): number {
    this.#randomState = (Math.imul(this.#randomState, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#randomState / 2 ** 32) * below);
  }

  #any<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] as Item;
  }
}

function requestOf(number: number, flags: string) {
  const octets = numberedMessage(number);
  const middle = Math.floor(octets.length / 2);
  return {
    octets: [octets.subarray(0, middle), octets.subarray(middle)],
    ...flagsOfText(flags),
  };
}

function flagsOfText(text: string) {
  const all = text.split(" ").filter((flag) => flag !== "");
  return {
    systemFlags: flagNames.filter((flag) => all.includes(flag)),
    keywords: all.filter((flag) => !flag.startsWith("\\")),
  };
}

function isIn(one: Owned, at: { readonly account: number; readonly mailbox: string }): boolean {
  return one.account === at.account && one.mailbox === at.mailbox;
}

function isBelow(one: Owned, at: { readonly account: number; readonly mailbox: string }): boolean {
  return one.account === at.account && one.mailbox.startsWith(`${at.mailbox}/`);
}

function placeOf(at: { readonly account: number; readonly mailbox: string; readonly uid: number }) {
  return `${at.account} ${at.mailbox} ${at.uid}`;
}
