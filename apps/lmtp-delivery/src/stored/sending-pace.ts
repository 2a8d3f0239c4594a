import { limits } from "../limits.ts";

/** What scripts of mailboxes send, by account and hour. */
export class SendingPace {
  readonly #sent = new Map<string, number>();
  #hour = 0;

  /** False when the account has had its share. */
  take(accountId: string, nowMs = Date.now()): boolean {
    const hour = Math.floor(nowMs / 3_600_000);
    if (hour !== this.#hour) this.#sent.clear();
    this.#hour = hour;
    const sent = this.#sent.get(accountId) ?? 0;
    if (sent >= limits.storedSendsPerHourMax) return false;
    this.#sent.set(accountId, sent + 1);
    return true;
  }
}
