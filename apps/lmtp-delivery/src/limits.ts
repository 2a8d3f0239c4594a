import { availableParallelism } from "node:os";

/** What clients may cost lmtp-delivery. Those of the protocol are serverLimits of @posthouse/smtp. */
export const limits = {
  /** Sessions of one listener: smtp-in uses 32, smtp-out fewer, a foreign MTA 20. */
  sessionsMax: 100,
  /** What smtp-in takes in one submission. */
  recipientsMax: 1000,
  /** Mailboxes that one message is written to at the same time; each reads it on its own. */
  deliveriesAtOnceMax: 32,
  /**
   * Threads of the store: mail for different people waits for the disk at the same time. More than there
   * are processors cost more by their switching than they gain.
   */
  writerThreadsMax: Math.min(4, availableParallelism()),
  /**
   * What Received, Return-Path and the like add on the way: a message that smtp-in could take under
   * `limits.message_bytes_max` is not to be refused here, and not by the store.
   */
  addedBytesMax: 64 * 1024,
  /** Received fields of a message that a filter may still send on: RFC 5321 §6.3 asks for 100 at least. */
  hopsMax: 100,
  /** Members of a list that a message may be sent on to: RFC 6134 §4 warns of what large ones would do. */
  listMembersMax: 50,
  /** How long it is known what a filter sent on: as long as the store knows a hand-over. */
  redirectRememberedMs: 7 * 24 * 3600 * 1000,
  /** One failure of a filter is told to its owner once in this time. */
  failureToldMs: 30 * 24 * 3600 * 1000,
  /** How long a full mailbox puts mail off (452) before it refuses it (552). */
  fullForNowMs: 3 * 24 * 3600 * 1000,
  /** What an owner was told of a quota, and since when a mailbox is full, is forgotten after this time at the latest. */
  quotaRememberedMs: 400 * 24 * 3600 * 1000,
  /** How often it is looked for mail in Rejects that has expired. */
  rejectsSweepMs: 6 * 3600 * 1000,
  /** For so long after a message was announced for Rejects an account without any is not forgotten. */
  rejectsNotedMs: 3600 * 1000,
  /** Accounts whose scripts of mailboxes run at the same time: deliveries go first. */
  storedLanesMax: 2,
  /** What scripts of an account's mailboxes send in an hour: one command can be about every message of a mailbox. */
  storedSendsPerHourMax: 500,
  /** Before a script of a mailbox that could not be run is tried again; then twice as long, up to the second. */
  storedRetryMs: 2000,
  storedRetryMsMax: 60_000,
  /** For so long it is tried. */
  storedEventMs: 3 * 24 * 3600 * 1000,
  /** Of what a web server is told: characters of a field, and of the message of `notify`. */
  noteFieldCharactersMax: 500,
  noteMessageCharactersMax: 2000,
  /** Of the 2 s that an app has to stop: for deliveries under way. */
  closeMs: 1500,
} as const;
