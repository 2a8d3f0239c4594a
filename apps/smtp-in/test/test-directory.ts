import {
  type AbuseReport,
  type Account,
  type AuthClient,
  AuthUnavailable,
  type BanWatch,
  type Forwarding,
  type ListPosts,
  type RecipientResolution,
} from "@posthouse/accounts";

/**
 * The directory of the tests: accounts ann and bob at example.test, `team@` for both, `away@` for ann
 * and a remote address, subaddresses, and `Postmaster` read by ann. Passwords are "tea"; `locked@` is
 * banned. It can be switched off.
 */
export class TestDirectory implements AuthClient, BanWatch, Forwarding {
  isDown = false;

  async authenticate({ username, password }: { username: string; password: string }) {
    this.#assertUp();
    if (username.startsWith("locked@")) return { kind: "banned", retryAfterSeconds: 60 } as const;
    const account = accountOf(username);
    if (account === undefined || password !== "tea") return { kind: "refused" } as const;
    return { kind: "ok", account } as const;
  }

  async resolveRecipient(address: string): Promise<RecipientResolution> {
    this.#assertUp();
    if (/^postmaster(?:@(?:mail\.)?example\.test)?$/i.test(address))
      return found("ann@example.test");
    const [local = "", domain = ""] = address.toLowerCase().split("@");
    if (domain !== "example.test") return { kind: "not-ours" };
    if (local === "team") return found("ann@example.test", "bob@example.test");
    if (local === "people" || local === "members") {
      return { ...found("ann@example.test", "bob@elsewhere.example"), acceptsFrom: local };
    }
    const list = lists[local];
    if (list !== undefined) return list;
    if (local === "away") return found("ann@example.test", "ann@elsewhere.example");
    const account = accountOf(`${local.split("+")[0]}@${domain}`);
    return account === undefined ? { kind: "unknown-user" } : found(account.address);
  }

  async findAccount(address: string): Promise<Account | undefined> {
    this.#assertUp();
    return accountOf(address);
  }

  async maySendAs(account: string, sender: string): Promise<boolean> {
    this.#assertUp();
    return sender === account || (account === "ann@example.test" && sender === "team@example.test");
  }

  /** Senders at remote.example are rewritten. */
  async forwardingSender(reversePath: string, via: string): Promise<string> {
    this.#assertUp();
    const local = /^(.+)@remote\.example$/.exec(reversePath)?.[1];
    return local === undefined
      ? reversePath
      : `SRS0=test=remote.example=${local}${via.slice(via.lastIndexOf("@"))}`;
  }

  /** What was told of clients. */
  readonly abuses: AbuseReport[] = [];
  bannedFor = 0;

  async bannedSeconds(): Promise<number> {
    this.#assertUp();
    return this.bannedFor;
  }

  async reportAbuse(abuse: AbuseReport): Promise<void> {
    this.abuses.push(abuse);
  }

  scramChallenge(): never {
    throw new Error("Nobody logs in by SCRAM here");
  }

  authenticateScram(): never {
    throw new Error("Nobody logs in by SCRAM here");
  }

  async authenticateCertified({ addresses }: { addresses: readonly string[] }) {
    const [account] = addresses.map(accountOf).filter((found) => found !== undefined);
    return account === undefined
      ? ({ kind: "refused" } as const)
      : ({ kind: "ok", account } as const);
  }

  /** The token "green" is ann's. */
  async authenticateToken({ token }: { token: string }) {
    const account = token === "green" ? accountOf("ann@example.test") : undefined;
    return account === undefined
      ? ({ kind: "refused" } as const)
      : ({ kind: "ok", account } as const);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #assertUp(): void {
    if (this.isDown) throw new AuthUnavailable("Authentication is switched off");
  }
}

const accountOf = (address: string): Account | undefined =>
  /^(?:ann|bob|full|gone)@example\.test$/i.test(address)
    ? { id: `${address.slice(0, 3).toLowerCase()}0000000000000`, address: address.toLowerCase() }
    : undefined;

/** `news@` takes mail of its members, `open@` anybody's, `staff@` that of people here, `few@` only ann's. */
const lists: Readonly<Record<string, RecipientResolution>> = Object.fromEntries(
  (["news members", "open anybody", "staff people", "few named"] as const).map((rule) => {
    const [name, posts] = rule.split(" ") as [string, ListPosts];
    const address = `${name}@example.test`;
    const members = ["bob@example.test", "cleo@elsewhere.example", "sam@good.example"];
    return [
      name,
      {
        kind: "found",
        targets: members.map((member) => ({
          address: member,
          isLocal: member.endsWith("@example.test"),
          list: address,
        })),
        lists: [
          {
            address,
            name: `The ${name}`,
            posts,
            posters: posts === "named" ? ["ann@example.test"] : [],
          },
        ],
      },
    ];
  }),
);

const found = (...addresses: readonly string[]) => ({
  kind: "found" as const,
  targets: addresses.map((address) => ({ address, isLocal: address.endsWith("@example.test") })),
});
