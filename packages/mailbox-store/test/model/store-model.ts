import {
  accounts,
  isMbox,
  type SeenMailbox,
  type SeenMessage,
  type SeenStore,
  type StoreAnswer,
  type StoreEvent,
  type StoreOrder,
} from "./store-traffic.ts";

const mailboxesAtFirst = [
  ["INBOX", ""],
  ["Archive", "\\Archive"],
  ["Drafts", "\\Drafts"],
  ["Junk", "\\Junk"],
  ["Sent", "\\Sent"],
  ["Trash", "\\Trash"],
] as const;

export interface Circumstances {
  /**
   * The index was lost before anybody looked: nobody can say then which batch was whole, and what is there
   * of one that was under way stays (batch-journal.ts); nor which renames are left to be done.
   */
  readonly isIndexLost: boolean;
  /** dovecot-uidlist is not synced with each message: without it and the index, UIDs are given anew. */
  readonly mayRenumber: boolean;
}

/**
 * What must be in a store, told from what was asked of it and what it said was done: the whole contract in
 * a few maps. Of what somebody was still waiting for, when all was cut short, either all happened or
 * nothing: the state that was found says which, and must then agree in everything.
 *
 * Orders of different actors are on different messages, and on different mailboxes where they are about
 * mailboxes, so that what must be does not depend on who was first.
 */
export class StoreModel {
  acknowledged = 0;
  readonly #messages = new Map<string, SeenMessage>();
  readonly #mailboxes = new Map<string, SeenMailbox>();
  readonly #subscribed = new Set<string>();
  /** Every UID that was ever told, and the message that it named. */
  readonly #named = new Map<string, number>();
  readonly #pending = new Map<number, StoreOrder>();
  /** Places of messages that were given other UIDs since the pending orders were given. */
  readonly #renumbered = new Map<string, string>();
  readonly #problems: string[] = [];

  constructor() {
    for (const account of accounts.keys()) {
      for (const [name, specialUse] of mailboxesAtFirst) {
        const place = mailboxPlace(account, name);
        this.#mailboxes.set(place, { account, name, specialUse, comment: "" });
        this.#subscribed.add(place);
      }
    }
  }

  /** What a worker said; its own contradictions are kept for problemsOf(). */
  note(event: StoreEvent): void {
    if ("failed" in event) return;
    if ("start" in event) {
      this.#pending.set(event.actor, event.start);
      return;
    }
    const order = this.#pending.get(event.actor);
    this.#pending.delete(event.actor);
    if (order === undefined) return;
    this.acknowledged += 1;
    this.#acknowledge(order, event.done);
  }

  /** One sentence for everything that is not as it must be; from then on what is there is what must be. */
  problemsOf(seen: SeenStore, circumstances: Circumstances): string[] {
    const pending = [...this.#pending.values()];
    for (const order of pending) this.#settleMailbox(order, seen, circumstances);
    if (circumstances.mayRenumber) this.#renumber(seen);
    for (const order of pending) this.#settle(order, seen, circumstances);
    const problems = this.#problems.splice(0);
    problems.push(...this.#mailboxProblems(seen), ...this.#messageProblems(seen));
    for (const message of seen.messages) problems.push(...this.#name(message));
    if (problems.length > 0) {
      problems.push(...pending.map((order) => `nobody was told of ${JSON.stringify(order)}`));
    }
    this.#startFrom(seen);
    return problems;
  }

  #acknowledge(order: StoreOrder, answer: StoreAnswer): void {
    const { uids, uidValidity } = answer;
    const add = (mailbox: string, uid: number | undefined, number: number, flags: string) => {
      const { account } = order;
      this.#add({ account, mailbox, uidValidity, uid: uid ?? 0, number, flags });
    };
    switch (order.do) {
      case "deliver":
      case "append":
        for (const [at, number] of order.numbers.entries()) {
          add(order.mailbox, uids[at], number, order.flags);
        }
        break;
      case "copy":
      case "move": {
        const sources = answer.sources ?? [];
        if (!areSameUids(sources, order.uids)) {
          this.#problems.push(`a ${order.do} of ${order.uids.join(",")} took ${sources.join(",")}`);
        }
        for (const [at, uid] of sources.entries()) {
          const source = this.#messages.get(placeOf({ ...order, uid }));
          if (source?.number === undefined) continue;
          if (order.do === "move") this.#messages.delete(placeOf(source));
          add(order.to, uids[at], source.number, source.flags);
        }
        break;
      }
      case "replace":
        this.#messages.delete(placeOf({ ...order, uid: order.uids[0] ?? 0 }));
        add(order.to, uids[0], order.number, order.flags);
        break;
      case "flag":
        this.#refuse(order, answer.modified ?? []);
        for (const message of this.#messagesOf(order)) {
          this.#messages.set(placeOf(message), { ...message, flags: flagsAfter(message, order) });
        }
        break;
      case "expunge":
        for (const message of this.#messagesOf(order)) this.#messages.delete(placeOf(message));
        break;
      case "create":
      case "delete":
      case "rename":
      case "subscribe":
      case "annotate":
      case "use":
        this.#changeMailbox(order);
    }
  }

  #refuse(order: Extract<StoreOrder, { readonly do: "flag" }>, modified: readonly number[]): void {
    if (areSameUids(order.refused, modified)) return;
    this.#problems.push(
      `a STORE in ${order.mailbox} left UIDs "${modified.join(" ")}" alone, not "${order.refused.join(" ")}"`,
    );
  }

  #changeMailbox(order: StoreOrder): void {
    const place = mailboxPlace(order.account, order.mailbox);
    const mailbox = this.#mailboxes.get(place);
    if (order.do === "create") this.#create(order.account, order.mailbox);
    else if (order.do === "subscribe") {
      if (order.isSubscribed) this.#subscribed.add(place);
      else this.#subscribed.delete(place);
    } else if (order.do === "delete") {
      this.#mailboxes.delete(place);
      for (const message of this.#messagesIn(order)) this.#messages.delete(placeOf(message));
    } else if (order.do === "rename") this.#rename(order);
    else if (mailbox !== undefined && order.do === "annotate") {
      this.#mailboxes.set(place, { ...mailbox, comment: order.comment });
    } else if (mailbox !== undefined && order.do === "use") {
      this.#mailboxes.set(place, { ...mailbox, specialUse: order.specialUse.join(" ") });
    }
  }

  /** With its parents (RFC 9051 §6.3.4). */
  #create(account: number, name: string): void {
    for (const path of prefixesOf(name)) this.#createOne(account, path);
  }

  #createOne(account: number, name: string): void {
    const place = mailboxPlace(account, name);
    if (this.#mailboxes.has(place)) return;
    this.#mailboxes.set(place, { account, name, specialUse: "", comment: "" });
  }

  #rename(order: Extract<StoreOrder, { readonly do: "rename" }>): void {
    this.#renameTree(order);
    this.#create(order.account, parentOf(order.to));
  }

  #renameTree(order: Extract<StoreOrder, { readonly do: "rename" }>): void {
    const { account, mailbox: from, to } = order;
    for (const mailbox of Array.from(this.#mailboxes.values())) {
      if (mailbox.account !== account) continue;
      if (mailbox.name !== from && !mailbox.name.startsWith(`${from}/`)) continue;
      this.#renameOne(mailbox, to + mailbox.name.slice(from.length));
    }
  }

  #renameOne(mailbox: SeenMailbox, name: string): void {
    const { account } = mailbox;
    const messages = this.#messagesIn({ account, mailbox: mailbox.name });
    for (const message of messages) this.#messages.delete(placeOf(message));
    for (const message of messages) {
      const moved = { ...message, mailbox: name };
      this.#messages.set(placeOf(moved), moved);
    }
    this.#mailboxes.delete(mailboxPlace(account, mailbox.name));
    this.#mailboxes.set(mailboxPlace(account, name), { ...mailbox, name });
  }

  /** Nobody was told of this order: takes over what was found of it, where that is all or nothing. */
  #settle(order: StoreOrder, seen: SeenStore, circumstances: Circumstances): void {
    switch (order.do) {
      case "deliver":
      case "append":
        this.#settleNew(
          order.numbers.map((number) => ({ number, flags: order.flags })),
          { ...order, to: order.mailbox },
          seen,
          circumstances,
        );
        break;
      case "copy":
        this.#settleNew(
          this.#messagesOf(order).map(({ number = 0, flags }) => ({ number, flags })),
          order,
          seen,
          circumstances,
        );
        break;
      case "move":
      case "replace":
        this.#settleMoves(order, seen, circumstances);
        break;
      case "flag":
        for (const message of this.#messagesOf(order)) this.#settleFlags(message, order, seen);
        break;
      case "expunge":
        for (const message of this.#messagesOf(order)) {
          if (!seen.messages.some((one) => isSamePlace(one, message))) {
            this.#messages.delete(placeOf(message));
          }
        }
        break;
      case "create":
      case "delete":
      case "rename":
      case "subscribe":
      case "annotate":
      case "use":
        // Settled before.
        break;
    }
  }

  /** A batch: all of it or nothing. */
  #settleNew(
    wanted: readonly { readonly number: number; readonly flags: string }[],
    at: { readonly account: number; readonly to: string },
    seen: SeenStore,
    { isIndexLost }: Circumstances,
  ): void {
    const mayBeSome = isIndexLost || isMbox(at.account);
    const missing: number[] = [];
    for (const { number, flags } of wanted) {
      const found = this.#newOnesIn(seen, at).find((one) => one.number === number);
      if (found === undefined) missing.push(number);
      else this.#takeOver(found, flags, seen, isIndexLost);
    }
    if (missing.length === 0 || missing.length === wanted.length || mayBeSome) return;
    this.#problems.push(`of a batch into ${at.to} ${missing.join(", ")} is not there`);
  }

  /** Each message is in exactly one of the two places. */
  #settleMoves(
    order: Extract<StoreOrder, { readonly uids: readonly number[]; readonly to: string }>,
    seen: SeenStore,
    { isIndexLost }: Circumstances,
  ): void {
    const mayBeInBoth = isIndexLost || isMbox(order.account);
    for (const source of this.#messagesOf(order)) {
      const number = order.do === "replace" ? order.number : source.number;
      const flags = order.do === "replace" ? order.flags : source.flags;
      const found = this.#newOnesIn(seen, order).find((one) => one.number === number);
      if (found === undefined) continue;
      const isInBoth = seen.messages.some((one) => isSamePlace(one, source));
      this.#takeOver(found, flags, seen, isInBoth && isIndexLost);
      if (!isInBoth || !mayBeInBoth) this.#messages.delete(placeOf(source));
    }
  }

  /** A keyword that does not stand in the file's name comes after the file, and a batch of before it is kept. */
  #takeOver(found: SeenMessage, flags: string, seen: SeenStore, mayLackKeywords: boolean): void {
    const wanted = flagParts(flags, found, seen);
    const now = flagParts(found.flags, found, seen);
    const isLess = mayLackKeywords && wanted.inName === now.inName && now.beyond === "";
    this.#messages.set(placeOf(found), isLess ? found : { ...found, flags });
  }

  /**
   * Message by message the old flags or the new (F1 to F4 of change-flags.ts): all that stands in the
   * file's name together, and apart from that each keyword that has no letter there.
   */
  #settleFlags(
    message: SeenMessage,
    order: Extract<StoreOrder, { readonly do: "flag" }>,
    seen: SeenStore,
  ): void {
    const found = seen.messages.find((one) => isSamePlace(one, message));
    if (found === undefined) return;
    const parts = (text: string) => flagParts(text, message, seen);
    const now = parts(found.flags);
    const states = [parts(message.flags), parts(flagsAfter(message, order))];
    if (!states.some(({ inName }) => inName === now.inName)) return;
    if (!states.some(({ beyond }) => beyond === now.beyond)) return;
    this.#messages.set(placeOf(message), { ...message, flags: found.flags });
  }

  /**
   * Parents of a new name come each by itself, and of a rename last. A level that is there says nothing
   * of those above it: they may have been deleted before (RFC 9051 §6.3.5).
   */
  #settleMailbox(order: StoreOrder, seen: SeenStore, { isIndexLost }: Circumstances): void {
    const { account, mailbox } = order;
    const find = (name: string) =>
      seen.mailboxes.find((one) => one.account === account && one.name === name);
    const makeLevelsOf = (name: string) => {
      for (const level of prefixesOf(name)) if (find(level)) this.#createOne(account, level);
    };
    const found = find(mailbox);
    switch (order.do) {
      case "create":
        makeLevelsOf(mailbox);
        break;
      case "rename":
        if (isIndexLost) this.#settleRenameByFolder(order, seen);
        else if (found === undefined) this.#renameTree(order);
        makeLevelsOf(parentOf(order.to));
        break;
      case "delete":
        if (found === undefined) this.#changeMailbox(order);
        break;
      case "subscribe": {
        const isSubscribed = seen.subscribed.has(mailboxPlace(account, mailbox));
        if (isSubscribed === order.isSubscribed) this.#changeMailbox(order);
        break;
      }
      case "annotate":
        if (found?.comment === order.comment) this.#changeMailbox(order);
        break;
      case "use":
        if (found?.specialUse === order.specialUse.join(" ")) this.#changeMailbox(order);
        break;
      case "deliver":
      case "append":
      case "copy":
      case "move":
      case "replace":
      case "flag":
      case "expunge":
        // Settled after.
        break;
    }
  }

  #settleRenameByFolder(
    order: Extract<StoreOrder, { readonly do: "rename" }>,
    seen: SeenStore,
  ): void {
    const { account, mailbox: from, to } = order;
    for (const mailbox of Array.from(this.#mailboxes.values())) {
      if (mailbox.account !== account) continue;
      if (mailbox.name !== from && !mailbox.name.startsWith(`${from}/`)) continue;
      const name = to + mailbox.name.slice(from.length);
      const isThere = seen.mailboxes.some((one) => one.account === account && one.name === name);
      if (isThere) this.#renameOne(mailbox, name);
    }
  }

  #mailboxProblems(seen: SeenStore): string[] {
    const problems: string[] = [];
    const left = new Map(seen.mailboxes.map((one) => [mailboxPlace(one.account, one.name), one]));
    for (const [place, expected] of this.#mailboxes) {
      const found = left.get(place);
      left.delete(place);
      if (found === undefined) problems.push(`the mailbox ${place} is lost`);
      else if (JSON.stringify(found) !== JSON.stringify(expected)) {
        problems.push(
          `the mailbox ${place} is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`,
        );
      }
    }
    for (const place of left.keys()) problems.push(`the mailbox ${place} should not be there`);
    for (const place of this.#subscribed.symmetricDifference(seen.subscribed)) {
      const isThere = seen.subscribed.has(place);
      problems.push(`the name ${place} is ${isThere ? "" : "not "}subscribed`);
    }
    return problems;
  }

  #messageProblems(seen: SeenStore): string[] {
    const problems: string[] = [];
    const left = new Map(seen.messages.map((message) => [placeOf(message), message]));
    for (const expected of this.#messages.values()) {
      const found = left.get(placeOf(expected));
      if (found !== undefined && found.number === expected.number) {
        left.delete(placeOf(expected));
        problems.push(...flagProblems(expected, found));
      } else problems.push(`${textOf(expected)} is lost`);
    }
    for (const extra of left.values()) problems.push(`${textOf(extra)} should not be there`);
    return problems;
  }

  /** What is in its mailbox under another UID, one that never named anything, goes on under that. */
  #renumber(seen: SeenStore): void {
    const expectedAt = (message: SeenMessage) => this.#messages.get(placeOf(message));
    const fresh = seen.messages.filter(
      (message) =>
        expectedAt(message)?.number !== message.number && !this.#named.has(nameOf(message)),
    );
    const found = new Map(seen.messages.map((message) => [placeOf(message), message]));
    const moved = [...this.#messages.values()].filter(
      (expected) => found.get(placeOf(expected))?.number !== expected.number,
    );
    for (const expected of moved) {
      const { account, mailbox, number, flags } = expected;
      const at = fresh.findIndex(
        (one) => one.account === account && one.mailbox === mailbox && one.number === number,
      );
      const [one] = at < 0 ? [] : fresh.splice(at, 1);
      if (one === undefined) continue;
      this.#messages.delete(placeOf(expected));
      this.#messages.set(placeOf(one), { ...one, flags });
      this.#renumbered.set(placeOf(expected), placeOf(one));
    }
  }

  #newOnesIn(seen: SeenStore, at: { readonly account: number; readonly to: string }) {
    return seen.messages.filter(
      (message) =>
        message.account === at.account &&
        message.mailbox === at.to &&
        !this.#messages.has(placeOf(message)),
    );
  }

  #messagesOf(order: {
    readonly account: number;
    readonly mailbox: string;
    readonly uids: readonly number[];
  }): SeenMessage[] {
    return order.uids
      .map((uid) => placeOf({ ...order, uid }))
      .map((place) => this.#messages.get(this.#renumbered.get(place) ?? place))
      .filter((message) => message !== undefined);
  }

  #messagesIn(at: { readonly account: number; readonly mailbox: string }): SeenMessage[] {
    return [...this.#messages.values()].filter(
      ({ account, mailbox }) => account === at.account && mailbox === at.mailbox,
    );
  }

  #add(message: SeenMessage): void {
    this.#problems.push(...this.#name(message, true));
    this.#messages.set(placeOf(message), message);
  }

  #name(message: SeenMessage, isNew = false): string[] {
    if (message.number === undefined) return [`${textOf(message)} is not whole`];
    const before = this.#named.get(nameOf(message));
    this.#named.set(nameOf(message), message.number);
    if (before === undefined || (before === message.number && !isNew)) return [];
    return [`UID ${message.uid} of ${message.mailbox} named ${before}, then ${message.number}`];
  }

  #startFrom(seen: SeenStore): void {
    this.#pending.clear();
    this.#renumbered.clear();
    this.#messages.clear();
    this.#mailboxes.clear();
    this.#subscribed.clear();
    for (const message of seen.messages) this.#messages.set(placeOf(message), message);
    for (const one of seen.mailboxes) this.#mailboxes.set(mailboxPlace(one.account, one.name), one);
    for (const place of seen.subscribed) this.#subscribed.add(place);
  }
}

function areSameUids(some: readonly number[], others: readonly number[]): boolean {
  return new Set(some).symmetricDifference(new Set(others)).size === 0;
}

/** What a STORE makes of the flags of a message. */
function flagsAfter(
  message: SeenMessage,
  order: Extract<StoreOrder, { readonly do: "flag" }>,
): string {
  if (order.refused.includes(message.uid)) return message.flags;
  const before = new Set(message.flags.split(" "));
  const change = new Set(order.flags.split(" "));
  const after = {
    add: () => before.union(change),
    remove: () => before.difference(change),
    replace: () => change,
  }[order.mode]();
  return [...after]
    .filter((flag) => flag !== "")
    .sort()
    .join(" ");
}

/** Flags that stand in the file's name, and keywords that stand elsewhere. */
function flagParts(text: string, { account, mailbox }: SeenMessage, seen: SeenStore) {
  const isInName = (flag: string) =>
    flag.startsWith("\\") ||
    isMbox(account) ||
    seen.keywordsInNames.has(`${account} ${mailbox} ${flag}`);
  const flags = text.split(" ").filter((flag) => flag !== "");
  return {
    inName: flags.filter(isInName).join(" "),
    beyond: flags.filter((flag) => !isInName(flag)).join(" "),
  };
}

function flagProblems(expected: SeenMessage, found: SeenMessage): string[] {
  if (found.flags === expected.flags) return [];
  return [`${textOf(expected)} has the flags "${found.flags}", not "${expected.flags}"`];
}

function isSamePlace(one: Place, other: Place): boolean {
  return placeOf(one) === placeOf(other);
}

/** A name and those above it, from the top. */
function prefixesOf(name: string): string[] {
  if (name === "") return [];
  const levels = name.split("/");
  return levels.map((_level, at) => levels.slice(0, at + 1).join("/"));
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf("/"), 0));
}

function mailboxPlace(account: number, name: string): string {
  return `${account} ${name}`;
}

type Place = Pick<SeenMessage, "account" | "mailbox" | "uid">;

function placeOf(at: Place): string {
  return `${at.account} ${at.mailbox} ${at.uid}`;
}

/** UIDVALIDITYs are of one account each, so that a UID keeps its meaning when its mailbox is renamed. */
function nameOf({ account, uidValidity, uid }: SeenMessage): string {
  return `${account} ${uidValidity} ${uid}`;
}

function textOf({ account, mailbox, uid, number }: SeenMessage): string {
  return `message ${number} (account ${account}, ${mailbox}, UID ${uid})`;
}
