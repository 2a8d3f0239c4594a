import type { AuthClient } from "@posthouse/accounts";

/** Says which domains have their mail here, and nothing about who has an account. */
export class OurDomains {
  readonly #auth: Pick<AuthClient, "resolveRecipient">;

  constructor(auth: Pick<AuthClient, "resolveRecipient">) {
    this.#auth = auth;
  }

  /** @throws AuthUnavailable */
  async has(domain: string): Promise<boolean> {
    // Every domain of ours has a postmaster (RFC 5321 §4.5.1), so that this asks about the domain alone.
    const { kind } = await this.#auth.resolveRecipient(`postmaster@${domain}`);
    return kind !== "not-ours";
  }
}
