const SECOND_MS = 1000;

/** What one client, and the parts behind us, may cost smtp-in. Those of the protocol are serverLimits. */
export const limits = {
  /** RFC 5321 §4.5.3.1.8 asks for 100; a sender to more uses two transactions. */
  mxRecipientsMax: 100,
  /** A person's program has no second transaction in mind, and sends to a whole club at once. */
  submissionRecipientsMax: 1000,
  /** RFC 5321 §6.3 says 100 at least; no path of a real message has half as many hops. */
  receivedFieldsMax: 50,
  /** Sessions with lmtp-delivery at the same time; it takes 50, and smtp-out wants some. */
  handOverSessionsMax: 32,
  /** For all of one hand-over. Then the queue has it, and the client has its 250. */
  handOverMs: 20 * SECOND_MS,
  /** A warm session with lmtp-delivery is kept for so long; it would keep it for five minutes. */
  handOverIdleMs: 60 * SECOND_MS,
  /** After a hand-over that ran out of time, mail goes straight to the queue for so long. */
  handOverPauseMs: 10 * SECOND_MS,
  /** For lmtp-delivery to say whether a filter may refuse; then it is taken for one that does not. */
  askFilterMs: 2 * SECOND_MS,
  /** It is remembered for so long, for so many accounts: a filter that is changed counts a minute later. */
  filterKnownMs: 60 * SECOND_MS,
  filtersKnownMax: 2000,
  /** The longest that FUTURERELEASE holds a message. */
  heldSecondsMax: 366 * 24 * 3600,
  minuteMs: 60 * SECOND_MS,
  /** What the network around an address may do, in times of what the address may. */
  networkFactor: 5,
  /** From so much of a limit on a source is slowed down, */
  slowFrom: 0.5,
  /** … by so much at the limit itself. RFC 5321 §4.5.3.2 has clients wait for five minutes. */
  slowMsMax: 5 * SECOND_MS,
  /** Wrong passwords that a session counts as which was ended for what it did. */
  abusePerSession: 5,
  hourMs: 3600 * SECOND_MS,
  /** ETRN for one domain: each of them begins its retries anew. */
  etrnPerHour: 60,
  /** Addresses, networks or accounts that one rate is counted for: 200 octets each. */
  rateKeysMax: 20_000,
  /** Messages that are put off until the DNS answers: 100 octets each. One more is taken as it is. */
  putOffMax: 10_000,
  /** They are remembered for so long after they may come in, or their time would begin anew. */
  putOffKeepMs: 3600 * 24 * SECOND_MS,
  /** Of each kind that greylisting remembers: 100 octets each. With no place new mail is let in. */
  greylistEntriesMax: 50_000,
  /** What greylisting knows is written to its file every so often, and at the end. */
  greylistSaveMs: 600 * SECOND_MS,
  /** One question to a DNS list. Who is slower has not listed the client. */
  dnsListMs: 5 * SECOND_MS,
  /** A DNS list shows its test entries again after this, */
  dnsListTestMs: 3600 * SECOND_MS,
  /** and after this when it did not. */
  dnsListRetestMs: 300 * SECOND_MS,
  /** Of the 2 s that an app has to stop: for messages that are at their end. */
  closeMs: 1500,
  /** For messages on their way, when a service is stopped or started anew: nobody is let in meanwhile. */
  drainMs: 10 * SECOND_MS,
} as const;
