import type { StoredMessage, Uid } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";

type Messages = ReadonlyMap<Uid, StoredMessage>;

interface Group {
  readonly last: Uid;
  readonly messages: Promise<Messages>;
}

/**
 * Messages of one FETCH, which asks for each in order. They are read some at a time, and while some go out the
 * next ones are read: at most twice `readAheadBytes` are in memory.
 */
export class ReadAhead {
  readonly #selected: SelectedMailbox;
  readonly #uids: readonly Uid[];
  readonly #options: { readonly withParts: boolean };
  #next = 0;
  #messages: Messages = new Map();
  #last = 0;
  #coming: Group | undefined;

  /** `uids` ascend. */
  constructor(
    selected: SelectedMailbox,
    uids: readonly Uid[],
    options: { readonly withParts: boolean },
  ) {
    this.#selected = selected;
    this.#uids = uids;
    this.#options = options;
    this.#coming = this.#readNext();
  }

  /** As the store's openMessage(), which it asks for what could not be read ahead. */
  async openMessage(uid: Uid): Promise<StoredMessage> {
    while (uid > this.#last && this.#coming !== undefined) {
      const { last, messages } = this.#coming;
      this.#coming = this.#readNext();
      this.#messages = await messages;
      this.#last = last;
    }
    return this.#messages.get(uid) ?? (await this.#selected.mailbox.openMessage(uid));
  }

  #readNext(): Group | undefined {
    const start = this.#next;
    for (let bytes = 0; this.#next < this.#uids.length; this.#next += 1) {
      bytes += this.#sizeOf(this.#next);
      if (bytes > limits.readAheadBytes && this.#next > start) break;
    }
    const uids = this.#uids.slice(start, this.#next);
    const last = uids.at(-1);
    if (last === undefined) return undefined;
    // Whatever is wrong is found again, and told, where a message is opened alone.
    const none = (): Messages => new Map();
    const { mailbox } = this.#selected;
    return { last, messages: mailbox.readMessages(uids, this.#options).catch(none) };
  }

  #sizeOf(at: number): number {
    const { view } = this.#selected;
    return view.columns.sizes[view.rowOf(this.#uids[at] as Uid) ?? -1] ?? 0;
  }
}
