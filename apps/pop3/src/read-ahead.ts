import type { Mailbox, StoredMessage, Uid } from "@posthouse/mailbox-store";
import { limits } from "./limits.ts";

/**
 * Messages that are read before they are asked for. A client that fetches its mail asks for one after the other
 * and waits for each: to open them one by one costs more than to read them. From the second in a row on, short
 * ones that follow are read together.
 *
 * What was read is forgotten as soon as anything in the account changes, and soon anyway: a message that another
 * client expunges is gone here too (RETR says so).
 */
export class ReadAhead {
  readonly #mailbox: Mailbox;
  #messages: ReadonlyMap<Uid, StoredMessage> = new Map();
  #readMs = 0;
  #lastNumber: number | undefined;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  forget(): void {
    this.#messages = new Map();
  }

  /** Undefined where it is to be opened as any other. `following` are its UID and those behind it. */
  async take(
    number: number,
    following: () => Iterable<{ readonly uid: Uid; readonly sizeBytes: number }>,
  ): Promise<StoredMessage | undefined> {
    const isNext = this.#lastNumber !== undefined && number === this.#lastNumber + 1;
    this.#lastNumber = number;
    if (!isNext) return undefined;
    const [first] = following();
    if (first === undefined) return undefined;
    if (performance.now() - this.#readMs > limits.readAheadMsMax) this.forget();
    const known = this.#messages.get(first.uid);
    if (known !== undefined) return known;
    const uids = fitting(following());
    if (uids.length === 0) return undefined;
    this.#readMs = performance.now();
    const read = await this.#mailbox.readMessages(uids);
    this.#messages = read;
    return read.get(first.uid);
  }
}

/** As many as fit, and none behind one that does not. */
function fitting(
  messages: Iterable<{ readonly uid: Uid; readonly sizeBytes: number }>,
): readonly Uid[] {
  const uids: Uid[] = [];
  let bytes = 0;
  for (const { uid, sizeBytes } of messages) {
    bytes += sizeBytes;
    if (bytes > limits.readAheadBytesMax || uids.length >= limits.readAheadMessages) break;
    uids.push(uid);
  }
  return uids;
}
