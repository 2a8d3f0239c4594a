import type { Account, ListPosts, LoginProtocol } from "./auth-client.ts";
import { CallClient, type CallClientOptions } from "./socket/call-client.ts";

/**
 * What the administrator may ask apps/auth, over its administrator's socket. Every change is on disk
 * when the call resolves and holds at once, without a restart. Domains may be given as U-labels.
 * A refusal is a DirectoryError whose message can be shown as it is; without an answer AuthUnavailable.
 */
export interface AdminClient extends AsyncDisposable {
  /** Gives back the domain as it is kept: lower case, A-labels. */
  addDomain(domain: string): Promise<string>;
  /** Refused ("in-use") while it has accounts or aliases, unless forced: then they go too. */
  removeDomain(domain: string, options?: { readonly force?: boolean }): Promise<RemovedDomain>;
  listDomains(): Promise<readonly DomainSummary[]>;
  /** Every address of `alias` is the one of the same name in `domain`, for mail, logins and senders. */
  addDomainAlias(alias: string, domain: string): Promise<DomainAlias>;
  removeDomainAlias(alias: string): Promise<void>;
  listDomainAliases(): Promise<readonly DomainAlias[]>;
  /** An address that the catch-all of its domain does not catch. */
  addException(address: string): Promise<string>;
  removeException(address: string): Promise<void>;
  listExceptions(domain: string): Promise<readonly string[]>;

  /** Without a password nobody can log in until setPassword. */
  addAccount(request: AddAccountRequest): Promise<Account>;
  /** The mail stays on disk. Aliases lose this target, and those left without any are removed. */
  removeAccount(address: string): Promise<RemovedAccount>;
  /** It is gone for everybody, and comes back whole with restoreAccount() until then. Its mail stays. */
  putAccountAway(address: string, untilMs: number): Promise<Account>;
  restoreAccount(address: string): Promise<Account>;
  /** Those whose time is over first; 400 at most. */
  listRemoved(): Promise<readonly RestorableAccount[]>;
  /** Without `disabled` it may log in again. */
  setDisabled(address: string, disabled?: DisabledFor): Promise<Account>;
  /** True: nothing is taken out of its Junk and Trash for its age. */
  setKeepsOld(address: string, keepsOld: boolean): Promise<Account>;
  /**
   * A rename is two steps: from the first on nobody is told where the mail is, and whoever moves it takes the
   * second. Again, with the same address, is no error: so it goes on where it was cut off.
   */
  beginRename(address: string, newAddress: string): Promise<Account>;
  finishRename(address: string, options: { readonly keepsAlias: boolean }): Promise<Account>;
  beginDomainRename(domain: string, newDomain: string): Promise<RenamedDomain>;
  finishDomainRename(
    domain: string,
    newDomain: string,
    options: { readonly keepsAlias: boolean },
  ): Promise<RenamedDomain>;
  /** Of exactly this address, also while it is being renamed; undefined when there is none. */
  findAccount(address: string): Promise<Account | undefined>;
  /** Ordered by domain and local part. */
  listAccounts(domain?: string): Promise<readonly AccountSummary[]>;
  setPassword(address: string, password: string): Promise<void>;
  /** Takes over a bcrypt hash of another program: `$2a$`, `$2b$` or `$2y$`, also after `{BLF-CRYPT}`. */
  setPasswordHash(address: string, hash: string): Promise<void>;
  /** Null: no limit. What is left out stays as it is. */
  setQuota(address: string, quota: QuotaChange): Promise<Account>;
  setCompression(address: string, compression: Compression): Promise<Account>;

  /** `@example.org` is the catch-all of the domain. An alias that is there gets these targets too. */
  addAlias(address: string, targets: readonly string[]): Promise<Alias>;
  /** Without targets the whole alias goes. */
  removeAlias(address: string, targets?: readonly string[]): Promise<void>;
  /** Who may send to it, and whether those behind it send as it. What is left out stays as it is. */
  setAliasRights(address: string, rights: AliasRights): Promise<Alias>;
  listAliases(domain?: string): Promise<readonly Alias[]>;

  addList(address: string, request: AddListRequest): Promise<MailingList>;
  removeList(address: string): Promise<void>;
  /** What is left out stays as it is. */
  setList(address: string, settings: ListSettings): Promise<MailingList>;
  changeListPeople(address: string, change: ListPeopleChange): Promise<MailingList>;
  findList(address: string): Promise<MailingList>;
  /** Addresses, ordered by domain and local part. */
  listLists(domain?: string): Promise<readonly string[]>;

  /** Lets an account send as an address, or with `@example.org` as any address of that domain. */
  grantSender(address: string, sender: string): Promise<void>;
  revokeSender(address: string, sender: string): Promise<void>;
  listSenderGrants(address: string): Promise<readonly string[]>;

  /** Makes one and tells it: nobody can be told later. */
  addAppPassword(request: AddAppPasswordRequest): Promise<NewAppPassword>;
  listAppPasswords(address: string): Promise<readonly AppPassword[]>;
  /** By its name or its id. No login works with it from then on. */
  revokeAppPassword(address: string, which: string): Promise<void>;
  /** True: the account's own password logs in to no mail protocol any more. */
  setAppPasswordsOnly(address: string, isOnly: boolean): Promise<Account>;

  /** Makes the account's secret for APOP, in place of one that is there, and tells it. auth keeps it readable. */
  makeApopSecret(address: string): Promise<string>;
  removeApopSecret(address: string): Promise<void>;
  /** Which accounts have one; never what it is. */
  listApopSecrets(): Promise<readonly ApopSecret[]>;

  /** Has a web server told of the account's new mail, with a secret that is made here the first time. */
  setWebhook(address: string, url: string): Promise<Webhook>;
  /** Undefined where there is none. */
  webhook(address: string): Promise<Webhook | undefined>;
  removeWebhook(address: string): Promise<void>;

  /** The last login of each protocol. */
  lastLogins(address: string): Promise<readonly LastLogin[]>;
  /** From where it logged in within 90 days; the latest first. */
  loginHistory(address: string): Promise<readonly LoginPlace[]>;
  listBans(): Promise<readonly Ban[]>;
  /** Of an address or a network, such as 192.0.2.0/24; without seconds until it is lifted. Outlives restarts. */
  addBan(network: string, seconds?: number): Promise<Ban>;
  /** Forgets failures and bans of a remote address; how many bans that were. */
  liftBans(remoteAddress: string): Promise<number>;
}

export interface AddAccountRequest {
  readonly address: string;
  readonly password?: string;
  readonly quotaBytes?: number;
  readonly quotaMessages?: number;
  readonly compression?: Compression;
  /** What its mailboxes are on disk, from the first one on. "maildir" when absent. */
  readonly format?: MailboxFormat;
}

export interface AddAppPasswordRequest {
  readonly address: string;
  /** Whose it is, for people: "Ann's telephone". */
  readonly name: string;
  /** What it logs in to. */
  readonly scopes: readonly LoginProtocol[];
}

export interface AppPassword {
  /** [a-z0-9]{16} */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly LoginProtocol[];
  readonly createdMs: number;
  /** Absent: never used. */
  readonly lastUse?: {
    readonly atMs: number;
    readonly protocol: string;
    readonly remoteAddress: string;
  };
}

export interface NewAppPassword {
  readonly id: string;
  readonly name: string;
  readonly password: string;
}

export interface ApopSecret {
  readonly address: string;
  readonly createdMs: number;
}

export interface Webhook {
  readonly url: string;
  /** What the web server knows by that it is us. */
  readonly secret: string;
}

/** Of messages that come from now on; those that are there stay as they are. */
export type Compression = "none" | "zstd";

export type MailboxFormat = "maildir" | "mbox";

export interface QuotaChange {
  readonly quotaBytes?: number | null;
  readonly quotaMessages?: number | null;
}

export interface DomainSummary {
  readonly domain: string;
  readonly accounts: number;
  readonly aliases: number;
}

export interface DomainAlias {
  readonly alias: string;
  readonly domain: string;
}

export interface AccountSummary extends Account {
  readonly hasPassword: boolean;
  readonly createdMs: number;
  /** Absent: for nothing. */
  readonly disabled?: DisabledFor;
  /** The address that it is about to have. */
  readonly movingTo?: string;
  readonly keepsOld?: true;
}

/** Logins are refused, or mail to it too. */
export type DisabledFor = "logins" | "all";

export interface RestorableAccount extends Account {
  readonly untilMs: number;
}

/** One address that an account logged in from, by one protocol and one password. */
export interface LoginPlace {
  readonly protocol: string;
  readonly remoteAddress: string;
  /** The name of the app password; absent: the account's own. */
  readonly appPassword?: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly logins: number;
}

export interface RemovedAccount {
  readonly account: Account;
  /** Aliases that had no other target; the first 200 of them. */
  readonly removedAliases: readonly string[];
}

export interface RemovedDomain {
  readonly domain: string;
  /** How many went with it. */
  readonly accounts: number;
  /** Also those of other domains that had no other target. */
  readonly aliases: number;
}

export interface RenamedDomain {
  readonly from: string;
  readonly to: string;
  /** How many move with it, those that can be restored among them. */
  readonly accounts: number;
}

export interface Alias {
  /** `sales@example.org`, or `@example.org` for the catch-all. */
  readonly address: string;
  readonly targets: readonly string[];
  /** Absent: anybody. */
  readonly acceptsFrom?: "people" | "members";
  /** Absent: they may. */
  readonly maySendAs?: false;
}

export interface AliasRights {
  /** Anybody, those who log in here, or of those the accounts behind the alias. */
  readonly acceptsFrom?: "anybody" | "people" | "members";
  /** The accounts behind it may send as it. */
  readonly maySendAs?: boolean;
}

export interface ListSettings {
  /** For people: stands in List-Id. */
  readonly name?: string;
  readonly posts?: ListPosts;
}

export interface AddListRequest extends ListSettings {
  readonly owners: readonly string[];
  readonly members?: readonly string[];
}

export interface ListPeopleChange {
  readonly role: "owner" | "poster" | "member";
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

export interface MailingList {
  readonly address: string;
  readonly name?: string;
  readonly posts: ListPosts;
  /** Who gets bounces and requests. */
  readonly owners: readonly string[];
  /** Who may post whatever the rule for others is. */
  readonly posters: readonly string[];
  readonly members: readonly string[];
}

export interface LastLogin {
  readonly protocol: string;
  readonly atMs: number;
  readonly remoteAddress: string;
  /** How many there have been. */
  readonly logins: number;
}

export interface Ban {
  /** An IPv4 address or an IPv6 network of 64 bits. */
  readonly network: string;
  /** The account it concerns; absent when it holds for every login from there. */
  readonly login?: string;
  readonly secondsLeft: number;
  /** An administrator made it. */
  readonly isByHand?: true;
}

/** The administrator's client of apps/auth; connects like connectAuth. */
export function connectAdmin(options: CallClientOptions): AdminClient {
  const client = new CallClient(options);

  async function change<Result>(method: string, params: object): Promise<Result> {
    return (await client.call(method, { ...params })) as Result;
  }
  async function ask<Result>(method: string, params: object = {}): Promise<Result> {
    return (await client.call(method, { ...params }, { isRepeatable: true })) as Result;
  }
  /** A long list comes in pages, each beginning after the last name of the one before. */
  async function askAll<Row>(
    method: string,
    nameOf: (row: Row) => string,
    domain?: string,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const last = rows.at(-1);
      const after = last === undefined ? undefined : nameOf(last);
      const page = await ask<Row[]>(method, { domain, after });
      rows.push(...page);
      if (page.length === 0) return rows;
    }
  }

  return {
    addDomain: (domain) => change("addDomain", { domain }),
    removeDomain: (domain, { force = false } = {}) => change("removeDomain", { domain, force }),
    listDomains: () => askAll("listDomains", (row: DomainSummary) => row.domain),
    addDomainAlias: (alias, domain) => change("addDomainAlias", { alias, domain }),
    removeDomainAlias: (alias) => change("removeDomainAlias", { alias }),
    listDomainAliases: () => ask("listDomainAliases"),
    addException: (address) => change("addException", { address }),
    removeException: (address) => change("removeException", { address }),
    listExceptions: (domain) => ask("listExceptions", { domain }),
    addAccount: (request) => change("addAccount", request),
    removeAccount: (address) => change("removeAccount", { address }),
    putAccountAway: (address, untilMs) => change("putAccountAway", { address, untilMs }),
    restoreAccount: (address) => change("restoreAccount", { address }),
    listRemoved: () => ask("listRemoved"),
    setDisabled: (address, disabled) => change("setDisabled", { address, disabled }),
    setKeepsOld: (address, keepsOld) => change("setKeepsOld", { address, keepsOld }),
    beginRename: (address, newAddress) => change("beginRename", { address, newAddress }),
    finishRename: (address, options) => change("finishRename", { address, ...options }),
    beginDomainRename: (domain, newDomain) => change("beginDomainRename", { domain, newDomain }),
    finishDomainRename: (domain, newDomain, options) =>
      change("finishDomainRename", { domain, newDomain, ...options }),
    findAccount: async (address) =>
      (await ask<Account | null>("findAccount", { address })) ?? undefined,
    listAccounts: (domain) => askAll("listAccounts", addressOf<AccountSummary>, domain),
    setPassword: (address, password) => change("setPassword", { address, password }),
    setPasswordHash: (address, hash) => change("setPasswordHash", { address, hash }),
    setQuota: (address, quota) => change("setQuota", { address, ...quota }),
    setCompression: (address, compression) => change("setCompression", { address, compression }),
    addAlias: (address, targets) => change("addAlias", { address, targets }),
    removeAlias: (address, targets) => change("removeAlias", { address, targets }),
    setAliasRights: (address, rights) => change("setAliasRights", { address, ...rights }),
    listAliases: (domain) => askAll("listAliases", addressOf<Alias>, domain),
    addList: (address, request) => change("addList", { address, ...request }),
    removeList: (address) => change("removeList", { address }),
    setList: (address, settings) => change("setList", { address, ...settings }),
    changeListPeople: (address, people) => change("changeListPeople", { address, ...people }),
    findList: (address) => ask("findList", { address }),
    listLists: (domain) => askAll("listLists", (address: string) => address, domain),
    grantSender: (address, sender) => change("grantSender", { address, sender }),
    revokeSender: (address, sender) => change("revokeSender", { address, sender }),
    listSenderGrants: (address) => ask("listSenderGrants", { address }),
    addAppPassword: (request) => change("addAppPassword", request),
    listAppPasswords: (address) => ask("listAppPasswords", { address }),
    revokeAppPassword: (address, which) => change("revokeAppPassword", { address, which }),
    setAppPasswordsOnly: (address, isOnly) => change("setAppPasswordsOnly", { address, isOnly }),
    makeApopSecret: (address) => change("makeApopSecret", { address }),
    removeApopSecret: (address) => change("removeApopSecret", { address }),
    listApopSecrets: () => askAll("listApopSecrets", addressOf<ApopSecret>),
    setWebhook: (address, url) => change("setWebhook", { address, url }),
    webhook: async (address) => (await ask<Webhook | null>("webhook", { address })) ?? undefined,
    removeWebhook: (address) => change("removeWebhook", { address }),
    lastLogins: (address) => ask("lastLogins", { address }),
    loginHistory: (address) => ask("loginHistory", { address }),
    listBans: () => ask("listBans"),
    addBan: (network, seconds) => change("addBan", { network, seconds }),
    liftBans: (remoteAddress) => change("liftBans", { remoteAddress }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

function addressOf<Row extends { readonly address: string }>({ address }: Row): string {
  return address;
}
