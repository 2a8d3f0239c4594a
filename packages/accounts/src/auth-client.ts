import { AnswerCache } from "./answer-cache.ts";
import { limits } from "./limits.ts";
import { type AnsweredLogin, LoginWatch } from "./login-watch.ts";
import type {
  CertifiedLoginRequest,
  SaslLogins,
  ScramChallenge,
  ScramChallengeRequest,
  ScramProofRequest,
  ScramResult,
  TokenLoginRequest,
} from "./sasl/login-requests.ts";
import { CallClient, type CallClientOptions } from "./socket/call-client.ts";

export { AuthUnavailable } from "./auth-unavailable.ts";

/**
 * What every server may ask apps/auth (design: the one process that knows secrets and the directory).
 * Over a Unix socket; no path, no SQL. Every call rejects with AuthUnavailable when auth does not
 * answer, which is a transient failure in every protocol (454 4.7.0, NO [UNAVAILABLE], -ERR [SYS/TEMP]).
 */
export interface AuthClient extends SaslLogins, AsyncDisposable {
  authenticate(request: AuthenticateRequest): Promise<AuthenticateResult>;
  /** Where mail for this address goes; aliases, catch-all and subaddresses are resolved. */
  resolveRecipient(address: string): Promise<RecipientResolution>;
  /** The account of exactly this address (no alias, no subaddress); undefined when there is none. */
  findAccount(address: string): Promise<Account | undefined>;
  /**
   * May this account use this reverse-path or From address? Its own address, its aliases, what was
   * granted to it, and subaddresses of these. The null reverse-path ("") claims nobody's name: true.
   */
  maySendAs(accountAddress: string, senderAddress: string): Promise<boolean>;
}

/** Bans are auth's, whatever brought them, so that one server's guesser is turned away by all. */
export interface BanWatch {
  /** Seconds for which everything from this address is to be turned away; 0 for welcome. */
  bannedSeconds(remoteAddress: string): Promise<number>;
  /** Tells of a client that did what no honest one does; enough of it is a ban. */
  reportAbuse(abuse: AbuseReport): Promise<void>;
}

export interface AbuseReport {
  readonly remoteAddress: string;
  /** For the administrator: "250 refused recipients in a session". */
  readonly reason: string;
  /** How many wrong passwords it counts as. */
  readonly times: number;
}

/** Logins with a digest of a secret that auth keeps readable, for accounts that chose so. */
export interface ApopLogins {
  authenticateApop(request: ApopRequest): Promise<AuthenticateResult>;
}

/** RFC 1939 §7, APOP. */
export interface ApopRequest {
  readonly username: string;
  /** As in the greeting, with its angle brackets. */
  readonly timestamp: string;
  /** 32 hexadecimal digits. */
  readonly digest: string;
  readonly protocol: LoginProtocol;
  readonly remoteAddress: string;
}

/** What an account's web server is told: auth has the secret, and says what signs the telling. */
export interface WebhookSigning {
  /** Undefined where the account has no webhook any more. */
  signWebhook(request: WebhookRequest): Promise<SignedWebhook | undefined>;
}

export interface WebhookRequest {
  /** The account's id. */
  readonly accountId: string;
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

export interface SignedWebhook {
  readonly url: string;
  /** Of the field webhook-signature. */
  readonly signature: string;
}

/** Mail that came in for an address here and goes on elsewhere. */
export interface Forwarding {
  /**
   * As whom it is sent on: a sender in the domain of `via`, the address it came to, from which bounces find their
   * way back. What is ours, the null reverse-path and what cannot be rewritten stay as they are.
   */
  forwardingSender(reversePath: string, via: string): Promise<string>;
}

/** What the login is for. */
export type LoginProtocol = "imap" | "pop3" | "submission" | "managesieve";

export interface AuthenticateRequest {
  readonly username: string;
  readonly password: string;
  readonly protocol: LoginProtocol;
  /** The client's address: for bans, failures and login history. */
  readonly remoteAddress: string;
}

export type AuthenticateResult =
  | {
      readonly kind: "ok";
      readonly account: Account;
      /** The name of the app password that was used, where it was one. */
      readonly appPassword?: string;
      /**
       * Calls `end` once when the login counts no longer: the account was disabled, removed or renamed, or what it
       * was proved with was changed or revoked. Until it is disposed of. Absent where nobody would say.
       */
      readonly onEnd?: (end: () => void) => Disposable;
    }
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
  /** How new messages are stored; undefined: as they are. */
  readonly compression?: "zstd";
  /** What its mailboxes are on disk; undefined: Maildirs. Of interest to whoever makes its directory. */
  readonly format?: "mbox";
  /** Its own password logs in to no mail protocol; app passwords do. */
  readonly appPasswordsOnly?: true;
  /** A web server is told of its new mail. */
  readonly hasWebhook?: true;
}

export type RecipientResolution =
  | {
      readonly kind: "found";
      readonly targets: readonly RecipientTarget[];
      /** Who may send to it: those who logged in, or of those the local targets. Absent: anybody. */
      readonly acceptsFrom?: "people" | "members";
      /** Mailing lists on the way; their members are targets. */
      readonly lists?: readonly ListPolicy[];
    }
  /** The domain is ours, the address is not: 550 5.1.1. */
  | { readonly kind: "unknown-user" }
  /** The domain is not ours: relaying, for those who may. */
  | { readonly kind: "not-ours" };

export interface RecipientTarget {
  /** For a local one the account's own address; else the remote address an alias points to. */
  readonly address: string;
  readonly isLocal: boolean;
  /** The address of the list that it is reached through alone. */
  readonly list?: string;
}

/** Whose mail a list takes: anybody's, that of those who log in here, of its members, or only of its posters. */
export type ListPosts = "anybody" | "people" | "members" | "named";

/** What somebody has to know who passes a message on to a list. */
export interface ListPolicy {
  readonly address: string;
  readonly name?: string;
  readonly posts: ListPosts;
  /** Accounts and remote addresses that may post whatever the rule for others is. */
  readonly posters: readonly string[];
}

/**
 * The client of apps/auth. Nothing is connected before the first call, and a lost connection is made
 * again at the next one.
 *
 * Addresses that were found are remembered for as long as auth is connected and has not said that the
 * directory changed: mail to one person comes in runs.
 */
export function connectAuth(
  options: Omit<CallClientOptions, "onEvent">,
): AuthClient & ApopLogins & BanWatch & Forwarding & WebhookSigning {
  const recipients = new AnswerCache<RecipientResolution>(limits.answersKeptMax);
  const accounts = new AnswerCache<Account>(limits.answersKeptMax);
  const watch = new LoginWatch(
    async (logins) => (await ask("loginsHold", { logins })) as readonly boolean[],
  );
  const client = new CallClient({
    ...options,
    onEvent: (event, accountIds) => {
      if (event === "logins-changed") return watch.changed(accountIds);
      recipients.clear();
      accounts.clear();
      return event === "connection-lost" ? watch.changed() : undefined;
    },
  });
  const ask = (method: string, params: Readonly<Record<string, unknown>>) =>
    client.call(method, params, { isRepeatable: true });
  const callMs = options.callMs ?? limits.loginCallMsMax;
  const askForLogin = async <Result extends AuthenticateResult>(
    method: string,
    params: Readonly<Record<string, unknown>>,
    waits: { readonly callMs?: number } = {},
  ): Promise<Result> => {
    const watched = watch.begin();
    const answer = await client.call(method, params, { isRepeatable: true, ...waits });
    return watched(answer as AnsweredLogin<Result>);
  };

  return {
    async authenticate(request) {
      // Longer than any password or name can be: no use in asking.
      if (isTooLong(request.username, limits.usernameCharsMax)) return { kind: "refused" };
      if (isTooLong(request.password, limits.passwordCharsMax)) return { kind: "refused" };
      return await askForLogin("authenticate", { ...request }, { callMs });
    },
    ...saslLogins(ask, askForLogin),
    async authenticateApop(request) {
      if (isTooLong(request.username, limits.usernameCharsMax)) return { kind: "refused" };
      return await askForLogin("authenticateApop", { ...request });
    },
    async resolveRecipient(address) {
      if (isTooLong(address, limits.addressCharsMax)) return { kind: "unknown-user" };
      return await recipients.get(
        address,
        async () => (await ask("resolveRecipient", { address })) as RecipientResolution,
        ({ kind }) => kind === "found",
      );
    },
    async findAccount(address) {
      if (isTooLong(address, limits.addressCharsMax)) return undefined;
      return await accounts.get(
        address,
        async () => ((await ask("findAccount", { address })) ?? undefined) as Account | undefined,
        (account) => account !== undefined,
      );
    },
    async maySendAs(accountAddress, senderAddress) {
      if (isTooLong(senderAddress, limits.addressCharsMax)) return false;
      return (await ask("maySendAs", { accountAddress, senderAddress })) as boolean;
    },
    async forwardingSender(reversePath, via) {
      if (isTooLong(reversePath, limits.addressCharsMax)) return reversePath;
      if (isTooLong(via, limits.addressCharsMax)) return reversePath;
      return (await ask("forwardingSender", { reversePath, via })) as string;
    },
    async signWebhook(request) {
      return ((await ask("signWebhook", { ...request })) ?? undefined) as SignedWebhook | undefined;
    },
    async bannedSeconds(remoteAddress) {
      return (await ask("bannedSeconds", { remoteAddress })) as number;
    },
    async reportAbuse(abuse) {
      await client.call("reportAbuse", { ...abuse });
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}

/** What is too long for anybody's is refused without asking, and a challenge is given for nobody. */
function saslLogins(
  ask: (method: string, params: Readonly<Record<string, unknown>>) => Promise<unknown>,
  askForLogin: <Result extends AuthenticateResult>(
    method: string,
    params: Readonly<Record<string, unknown>>,
  ) => Promise<Result>,
): SaslLogins {
  const refused = { kind: "refused" } as const;
  return {
    async scramChallenge(request: ScramChallengeRequest) {
      const isNobody = isTooLong(request.username, limits.usernameCharsMax);
      const username = isNobody ? "" : request.username;
      return (await ask("scramChallenge", { ...request, username })) as ScramChallenge;
    },
    async authenticateScram(request: ScramProofRequest) {
      if (isTooLong(request.username, limits.usernameCharsMax)) return refused;
      if (isTooLong(request.authMessage, limits.scramMessageCharsMax)) return refused;
      if (isTooLong(request.proof, limits.hashCharsMax)) return refused;
      return await askForLogin<ScramResult>("authenticateScram", { ...request });
    },
    async authenticateCertified(request: CertifiedLoginRequest) {
      if (isTooLong(request.username, limits.usernameCharsMax)) return refused;
      const addresses = request.addresses
        .filter((address) => !isTooLong(address, limits.addressCharsMax))
        .slice(0, limits.certifiedAddressesMax);
      return await askForLogin("authenticateCertified", { ...request, addresses });
    },
    async authenticateToken(request: TokenLoginRequest) {
      if (isTooLong(request.username, limits.usernameCharsMax)) return refused;
      if (isTooLong(request.token, limits.tokenCharsMax)) return refused;
      return await askForLogin("authenticateToken", { ...request });
    },
  };
}

/** Text that is not Unicode (a lone surrogate) is refused alike: nothing stored can be equal to it. */
function isTooLong(text: string, charsMax: number): boolean {
  return text.length > charsMax || !text.isWellFormed();
}
