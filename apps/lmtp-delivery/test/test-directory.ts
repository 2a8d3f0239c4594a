import {
  type Account,
  type AuthClient,
  AuthUnavailable,
  type Forwarding,
  type RecipientResolution,
} from "@posthouse/accounts";

/**
 * The directory of the tests: accounts ann, bob, small (with room for one message) and ten at example.test;
 * hooked has a webhook;
 * `team@` is ann and bob, `away@` goes elsewhere. It can be switched off.
 */
export class TestDirectory implements AuthClient, Forwarding {
  isDown = false;

  authenticate(): Promise<never> {
    return Promise.reject(new Error("lmtp-delivery asks for no password"));
  }

  async resolveRecipient(address: string): Promise<RecipientResolution> {
    this.#assertUp();
    const [local = "", domain] = address.toLowerCase().split("@");
    if (local === "team") return found("ann@example.test", "bob@example.test");
    if (domain !== "example.test") return { kind: "not-ours" };
    if (local === "away") return found("ann@elsewhere.example");
    const account = accountOf(`${local.split("+")[0]}@${domain}`);
    return account === undefined ? { kind: "unknown-user" } : found(account.address);
  }

  async findAccount(address: string): Promise<Account | undefined> {
    this.#assertUp();
    return accountOf(address);
  }

  maySendAs(): Promise<never> {
    return Promise.reject(new Error("lmtp-delivery asks for no sender"));
  }

  async forwardingSender(reversePath: string): Promise<string> {
    return reversePath.replace(/^(.+)@(rewritten\.example)$/, "SRS0=test=$2=$1@example.test");
  }

  scramChallenge(): never {
    throw new Error("Nobody logs in by SCRAM here");
  }

  authenticateScram(): never {
    throw new Error("Nobody logs in by SCRAM here");
  }

  authenticateCertified(): never {
    throw new Error("Nobody logs in by certificate here");
  }

  authenticateToken(): never {
    throw new Error("Nobody logs in by token here");
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #assertUp(): void {
    if (this.isDown) throw new AuthUnavailable("Authentication is switched off");
  }
}

function accountOf(address: string): Account | undefined {
  const [, name] = /^(ann|bob|small|ten|hooked)@example\.test$/i.exec(address) ?? [];
  if (name === undefined) return undefined;
  const id = name.toLowerCase().padEnd(16, "0");
  const hasWebhook = name.toLowerCase() === "hooked";
  const account = { id, address: address.toLowerCase(), ...(hasWebhook && { hasWebhook }) };
  const quotaMessages = { small: 1, ten: 10 }[name.toLowerCase()];
  return quotaMessages === undefined ? account : { ...account, quotaMessages };
}

const found = (...addresses: readonly string[]): RecipientResolution => ({
  kind: "found",
  targets: addresses.map((address) => ({ address, isLocal: address.endsWith("@example.test") })),
});
