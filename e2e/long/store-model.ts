import type { SeenMessage, SeenStore, StoreEvent, StoreOrder } from "./store-traffic.ts";

/**
 * What must be in the store after a power cut, told from what was asked of it and what it said was done.
 * Nothing is known of the order that each actor was still waiting for: it may be there or not.
 */
export class StoreModel {
  acknowledged = 0;
  readonly #messages = new Map<string, SeenMessage>();
  readonly #mailboxes = new Set<string>();
  /** Every UID that was ever told, and the message that it named. */
  readonly #named = new Map<string, number>();
  readonly #pending = new Map<number, StoreOrder>();
  readonly #problems: string[] = [];

  /** What the worker said; its own contradictions are kept for problemsOf(). */
  note(event: StoreEvent): void {
    if ("start" in event) {
      this.#pending.set(event.actor, event.start);
      return;
    }
    const order = this.#pending.get(event.actor);
    this.#pending.delete(event.actor);
    if (order === undefined) return;
    this.acknowledged += 1;
    this.#acknowledge(order, event.done, event.uidValidity);
  }

  /** One sentence for everything that is not as it must be; from then on what is there is what must be. */
  problemsOf(seen: SeenStore, options: { readonly mayRenumber: boolean }): string[] {
    const problems = this.#problems.splice(0);
    for (const mailbox of this.#mailboxes) {
      if (!seen.mailboxes.has(mailbox)) problems.push(`the mailbox ${mailbox} is lost`);
    }
    const left = new Map(seen.messages.map((message) => [placeOf(message), message]));
    const moved: SeenMessage[] = [];
    for (const expected of this.#messages.values()) {
      const found = left.get(placeOf(expected));
      if (found !== undefined && found.number === expected.number) {
        left.delete(placeOf(expected));
        this.#compareFlags(expected, found, problems);
      } else moved.push(expected);
    }
    for (const expected of moved) {
      const found = options.mayRenumber ? this.#renumbered(expected, left) : undefined;
      if (found !== undefined) {
        left.delete(placeOf(found));
        this.#compareFlags(expected, found, problems);
      } else if (!this.#mayBeGone(expected, [...left.values()])) {
        problems.push(`${textOf(expected)} is lost`);
      }
    }
    for (const extra of left.values()) {
      if (!this.#mayBeThere(extra)) problems.push(`${textOf(extra)} should not be there`);
    }
    for (const message of seen.messages) problems.push(...this.#name(message));
    this.#startFrom(seen);
    return problems;
  }

  #acknowledge(order: StoreOrder, uids: readonly number[], uidValidity: number): void {
    const { account, mailbox } = order;
    const put = (to: string, uid: number | undefined, number: number, flags: string) => {
      if (uid === undefined) return;
      const message = { account, mailbox: to, uidValidity, uid, number, flags };
      this.#problems.push(...this.#name(message, true));
      this.#messages.set(placeOf(message), message);
    };
    if (order.do === "create") this.#mailboxes.add(`${account} ${mailbox}`);
    if (order.do === "deliver" || order.do === "append") {
      for (const [at, number] of order.numbers.entries()) put(mailbox, uids[at], number, "");
    }
    if (!("uid" in order)) return;
    const source = this.#messages.get(placeOf(order));
    if (source?.number === undefined) return;
    if (order.do === "flag") this.#messages.set(placeOf(order), { ...source, flags: order.flags });
    if (order.do === "expunge" || order.do === "move") this.#messages.delete(placeOf(order));
    if (order.do === "copy" || order.do === "move") {
      put(order.to, uids[0], source.number, source.flags);
    }
  }

  #compareFlags(expected: SeenMessage, found: SeenMessage, problems: string[]): void {
    if (found.flags === expected.flags) return;
    const before = new Set(expected.flags.split(" "));
    const now = new Set(found.flags.split(" "));
    const pending = this.#pendingFor(expected).filter((order) => order.do === "flag");
    // What nobody was told to be done may be half done, flag by flag: keywords have two places on disk.
    const isPending = pending.some(({ flags }) => {
      const after = new Set(flags.split(" "));
      const changed = before.symmetricDifference(after);
      return now.symmetricDifference(before).isSubsetOf(changed);
    });
    if (!isPending) {
      const asked = pending.map(({ flags }) => `, "${flags}" was asked for`).join("");
      problems.push(
        `${textOf(expected)} has the flags "${found.flags}", not "${expected.flags}"${asked}`,
      );
    }
  }

  /** Its number in the same mailbox, under a UID that never named anything. */
  #renumbered(
    expected: SeenMessage,
    left: ReadonlyMap<string, SeenMessage>,
  ): SeenMessage | undefined {
    return left
      .values()
      .find(
        (message) =>
          message.number === expected.number &&
          message.mailbox === expected.mailbox &&
          !this.#named.has(nameOf(message)),
      );
  }

  #mayBeGone(expected: SeenMessage, left: readonly SeenMessage[]): boolean {
    return this.#pendingFor(expected).some(
      (order) =>
        order.do === "expunge" ||
        (order.do === "move" &&
          left.some(({ number, mailbox }) => number === expected.number && mailbox === order.to)),
    );
  }

  #mayBeThere(extra: SeenMessage): boolean {
    if (extra.number === undefined) return false;
    const { account, mailbox, number } = extra;
    return [...this.#pending.values()].some((order) => {
      if (order.account !== account) return false;
      if ("numbers" in order) return order.mailbox === mailbox && order.numbers.includes(number);
      if (!("to" in order) || order.to !== mailbox) return false;
      return this.#messages.get(placeOf(order))?.number === number;
    });
  }

  #pendingFor(message: SeenMessage): StoreOrder[] {
    return [...this.#pending.values()].filter(
      (order) => "uid" in order && placeOf(order) === placeOf(message),
    );
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
    this.#messages.clear();
    this.#mailboxes.clear();
    for (const message of seen.messages) this.#messages.set(placeOf(message), message);
    for (const mailbox of seen.mailboxes) this.#mailboxes.add(mailbox);
  }
}

function placeOf(at: { readonly account: number; readonly mailbox: string; readonly uid: number }) {
  return `${at.account} ${at.mailbox} ${at.uid}`;
}

function nameOf(message: SeenMessage): string {
  return `${placeOf(message)} ${message.uidValidity}`;
}

function textOf({ account, mailbox, uid, number }: SeenMessage): string {
  return `message ${number} (account ${account}, ${mailbox}, UID ${uid})`;
}
