const KiB = 1024;
const SECOND_MS = 1000;

/** What one peer, one call or one address may cost. Every loop and buffer in this package stops here. */
export const limits = {
  /** One request or answer on a socket of auth: the largest is a page of accounts or aliases. */
  frameBytesMax: 256 * KiB,
  /** Requests of one connection that may wait for answers before we stop reading from it. */
  callsPerConnectionMax: 512,
  /** Requests that one client may have under way; more means that auth hangs. */
  callsWaitingMax: 4096,
  /** A client waits this long for an answer that takes no hash. */
  callMsMax: 10 * SECOND_MS,
  /** … and for a login: longer than the queue of hashes, shorter than the patience of mail programs, a minute. */
  loginCallMsMax: 30 * SECOND_MS,
  /** A connection is tried again for this long, so that a restart of auth is not seen. */
  connectMsMax: 1 * SECOND_MS,
  connectRetryMs: 50,

  /** Logins of open sessions that are asked about at once, and how soon again when auth does not answer. */
  loginsPerCheckMax: 100,
  loginCheckRetryMs: 1 * SECOND_MS,
  /** An id, what the login rests on, and an address. */
  loginCharsMax: 512,
  /** Accounts that one notice names; of more it says that they may be any. */
  accountsPerNoticeMax: 100,

  /** Addresses whose answer a client remembers, of each kind: some 300 octets each. */
  answersKeptMax: 10_000,

  /** RFC 5321 §4.5.3.1.3 gives a path 256 octets; quoting and U-labels may be longer before they are normalised. */
  addressCharsMax: 1024,
  /** RFC 4616 §2 asks for 255 octets at least. */
  usernameCharsMax: 1024,
  passwordCharsMax: 1024,
  /** Three SCRAM messages: two with a name and nonces, one with a salt. */
  scramMessageCharsMax: 16 * KiB,
  /** A signed token with its claims. */
  tokenCharsMax: 8 * KiB,
  /** Mail addresses of one certificate. */
  certifiedAddressesMax: 20,
  /** An IPv6 address with its zone. */
  remoteAddressCharsMax: 128,
  /** `{BLF-CRYPT}` and 60 characters, with room. */
  hashCharsMax: 128,
  /** RFC 5321 §4.5.3.1.1 */
  localPartBytesMax: 64,
  /** RFC 5321 §4.5.3.1.3: 256 with its angle brackets. */
  mailboxBytesMax: 254,
  /** For so long a bounce finds the sender behind one that was rewritten: longer than any queue keeps mail. */
  rewrittenSenderDays: 21,
  /** RFC 1035 §2.3.4, without the final dot. */
  domainBytesMax: 253,
  labelBytesMax: 63,

  /** Targets of one alias: a larger circle of people is a mailing list, which has other rules. */
  aliasTargetsMax: 100,
  /** Members of a mailing list: they have to fit into one answer, and one entry of the queue. */
  listMembersMax: 1000,
  listMembersBytesMax: 96 * KiB,
  /** Its owners and posters. */
  listPeopleMax: 100,
  listNameCharsMax: 200,
  /** Domain aliases in all, and exceptions of one catch-all: each list fits a frame. */
  domainAliasesMax: 400,
  exceptionsMax: 400,
  /** Addresses that one recipient may become, through aliases of aliases. */
  resolvedTargetsMax: 1000,
  /** Accounts or domains in one answer: 400 × (64 + 253 + 150) octets fit a frame. */
  accountsPerPage: 400,
  /** Aliases in one answer: as many as fit the octets, since each may have 100 targets of 320. */
  aliasesPerPage: 400,
  aliasPageBytesMax: 96 * KiB,
  /** Grants of one account, and addresses named in an answer about something else. */
  grantsMax: 200,
  namedMax: 200,

  /** App passwords of one account: a SCRAM proof is held against each. */
  appPasswordsMax: 50,
  appPasswordNameCharsMax: 64,

  /** From where an account logged in: 150 octets each, and 90 days as the trail of a burglar is worth. */
  loginPlacesMax: 200,
  loginPlaceKeptMs: 90 * 24 * 3600 * SECOND_MS,

  /** bcrypt reads no further, so two longer passwords could be one. */
  bcryptBytesMax: 72,
  /** 2^15 rounds take 2 s; a hash that was brought along must not stop a thread for an hour. */
  bcryptCostMax: 15,
  /** Checks that wait for their turn: at cost 10 two cores have done them all after 15 s. */
  hashesWaitingMax: 1024,
  /** … of which one address may have this many, so that others find room: an office whose router began anew. */
  hashesWaitingPerAddressMax: 256,
  /** Whoever asked for a check has given up after this long: it is not made any more. */
  hashWaitMsMax: 25 * SECOND_MS,
  /** Successful logins remembered: 200 octets each. */
  loginsRememberedMax: 20_000,
  loginRememberedMs: 30 * 60 * SECOND_MS,
} as const;
