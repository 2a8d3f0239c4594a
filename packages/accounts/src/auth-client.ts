/**
 * What every server may ask apps/auth (design: the one process that knows secrets and the directory).
 * Over a Unix socket; no path, no SQL. Every call rejects with AuthUnavailable when auth does not
 * answer, which is a transient failure in every protocol (454 4.7.0, NO [UNAVAILABLE], -ERR [SYS/TEMP]).
 */
export interface AuthClient extends AsyncDisposable {
  authenticate(request: AuthenticateRequest): Promise<AuthenticateResult>;
  /** Where mail for this address goes; aliases, catch-all and subaddresses are resolved. */
  resolveRecipient(address: string): Promise<RecipientResolution>;
  /** The account of exactly this address, for final delivery; undefined when there is none. */
  findAccount(address: string): Promise<Account | undefined>;
  /** May this account use this reverse-path or From address? Its own address and its aliases. */
  maySendAs(accountAddress: string, senderAddress: string): Promise<boolean>;
}

export interface AuthenticateRequest {
  readonly username: string;
  readonly password: string;
  readonly protocol: "imap" | "pop3" | "submission" | "managesieve";
  /** The client's address: for bans, failures and login history. */
  readonly remoteAddress: string;
}

export type AuthenticateResult =
  | { readonly kind: "ok"; readonly account: Account }
  /** Wrong user name or password: never said which. */
  | { readonly kind: "refused" }
  /** Too many failures from there: come back in this many seconds. */
  | { readonly kind: "banned"; readonly retryAfterSeconds: number };

export interface Account {
  /** Stable for the life of the account, also through renames. [a-z0-9]{16}. */
  readonly id: string;
  /** `ann@example.org`, lower case, domain in A-label form. */
  readonly address: string;
  /** Undefined: no limit. */
  readonly quotaBytes?: number;
  readonly quotaMessages?: number;
}

export type RecipientResolution =
  | { readonly kind: "found"; readonly targets: readonly RecipientTarget[] }
  /** The domain is ours, the address is not: 550 5.1.1. */
  | { readonly kind: "unknown-user" }
  /** The domain is not ours: relaying, for those who may. */
  | { readonly kind: "not-ours" };

export interface RecipientTarget {
  /** For a local one the account's own address; else the remote address an alias points to. */
  readonly address: string;
  readonly isLocal: boolean;
}

/** apps/auth did not answer; whoever asked should come back later. */
export class AuthUnavailable extends Error {
  override readonly name = "AuthUnavailable";
}
