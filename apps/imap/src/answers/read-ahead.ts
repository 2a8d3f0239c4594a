import type { StoredMessage, Uid } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";

type Messages = ReadonlyMap<Uid, StoredMessage>;

interface Group {
  /** Where the next group begins. */
  readonly end: number;
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
  #end = 0;
  /** Of the message that was asked for last. */
  #position = 0;
  #coming: Group | undefined;

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
    const position = this.#uids.indexOf(uid, this.#position);
    if (position >= 0) this.#position = position;
    while (position >= this.#end && this.#coming !== undefined) {
      const { end, messages } = this.#coming;
      this.#coming = this.#readNext();
      this.#messages = await messages;
      this.#end = end;
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
    if (uids.length === 0) return undefined;
    // Whatever is wrong is found again, and told, where a message is opened alone.
    const none = (): Messages => new Map();
    const { mailbox } = this.#selected;
    return { end: this.#next, messages: mailbox.readMessages(uids, this.#options).catch(none) };
  }

  #sizeOf(at: number): number {
    const { view } = this.#selected;
    return view.columns.sizes[view.rowOf(this.#uids[at] as Uid) ?? -1] ?? 0;
  }
}
