import { callLimits } from "@posthouse/accounts/socket";

/** Whose logins may count no longer, from the change until the servers know. */
export class LoginChanges {
  readonly #accounts = new Set<string>();
  #isAnybody = false;
  #telling: Promise<void> = Promise.resolve();

  of(accountId: string): void {
    this.#accounts.add(accountId);
  }

  ofAnybody(): void {
    this.#isAnybody = true;
  }

  /** Has `tell` say what was noted; resolves when that, and all that was noted before, was told. */
  async tellAll(tell: (accounts: readonly string[] | undefined) => Promise<void>): Promise<void> {
    const before = this.#telling;
    this.#telling = (async () => {
      await before;
      if (this.#accounts.size === 0 && !this.#isAnybody) return;
      const named = [...this.#accounts];
      const isNamed = !this.#isAnybody && named.length <= callLimits.accountsPerNoticeMax;
      this.#accounts.clear();
      this.#isAnybody = false;
      await tell(isNamed ? named : undefined);
    })();
    await this.#telling;
  }
}
