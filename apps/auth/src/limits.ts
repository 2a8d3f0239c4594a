const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What one address may try, and what this process remembers of it. */
export const limits = {
  /** One a worker process of each server, and the administrator's. */
  connectionsMax: 512,
  /** Calls under way are answered for this long at the end; the supervisor waits 2 s. */
  closeMsMax: 1500,
  /** A server that is this slow to hear of a change keeps what it remembers until it does. */
  tellMsMax: 500,

  /** Wrong passwords for one login from one address within the window, until they are banned together. */
  failuresPerLoginMax: 10,
  /** … and from one address whatever the login: one who tries a password on many names. */
  failuresPerAddressMax: 30,
  /** … where somebody has logged in lately: an office or a family behind one address. */
  failuresPerKnownAddressMax: 150,
  /** Each further guess from where its account has logged in lately. */
  knownDelayMs: 5 * SECOND_MS,
  /** An account is not banned from a network that it has logged in from this lately. */
  knownNetworkMs: 30 * 24 * HOUR_MS,
  /** What one connection to smtp-in may count as at most. */
  abuseTimesMax: 30,
  /** Bans by hand, and how long they can be: ten years. */
  bansByHandMax: 1000,
  banByHandSecondsMax: 10 * 365 * 24 * 3600,
  failureWindowMs: 10 * MINUTE_MS,
  knownAddressMs: 24 * HOUR_MS,
  /** The first ban; each further one is twice as long. */
  banMsMin: 1 * MINUTE_MS,
  banMsMax: 1 * HOUR_MS,
  /** After this long without a failure an address begins anew. */
  failuresForgottenMs: 24 * HOUR_MS,
  /** Addresses and logins that failures are counted for; the longest quiet ones are forgotten: 500 octets each. */
  failureEntriesMax: 50_000,
  bansListedMax: 500,
  /** Of the list of accounts with a secret for APOP; each row has 300 octets at most. */
  apopSecretsPerPage: 500,

  /** The last use of accounts is gathered for this long: a restart of imap must not sync once a client. */
  historyGatherMs: 5 * SECOND_MS,

  /** A password may change under a check this often before the login is refused. */
  checksPerLoginMax: 3,
} as const;
