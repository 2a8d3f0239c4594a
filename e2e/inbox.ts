import { ImapDialogue } from "./imap-dialogue.ts";

/** Somebody who looks at what comes into one INBOX, from the moment of opening on. */
export class Inbox implements Disposable {
  readonly imap: ImapDialogue;
  #seenUid = 0;

  private constructor(imap: ImapDialogue) {
    this.imap = imap;
  }

  static async open(...login: Parameters<typeof ImapDialogue.login>): Promise<Inbox> {
    const inbox = new Inbox(await ImapDialogue.login(...login));
    await inbox.imap.ok("SELECT INBOX");
    await inbox.#look();
    return inbox;
  }

  /** Waits for so many messages that next() has not given yet, and gives them, whole. */
  async next(count = 1): Promise<readonly Buffer[]> {
    const before = this.#seenUid;
    for (;;) {
      const { exists } = this.imap;
      const found = await this.#look(before + 1);
      if (found.length >= count) return found;
      await this.imap.existsBeyond(exists);
    }
  }

  async #look(uid = 1): Promise<readonly Buffer[]> {
    const messages = await this.imap.messagesFrom(uid);
    this.#seenUid = Math.max(this.#seenUid, ...messages.keys());
    return [...messages.values()];
  }

  [Symbol.dispose](): void {
    this.imap[Symbol.dispose]();
  }
}
