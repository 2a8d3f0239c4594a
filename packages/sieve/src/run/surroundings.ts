import type { DateTime } from "@posthouse/message";
import type { MaybePromise } from "./flow.ts";

/** What a script may know beside the message. Whoever runs it says as much of it as there is. */
export interface Surroundings {
  /** None where IMAP starts the script: asking for it is an error then (RFC 6785 §4.6). */
  readonly envelope: ScriptEnvelope | undefined;
  /** Now, and the zone of this host. */
  readonly now: DateTime;
  /** What separates the user from the detail in a local part (RFC 5233 §4). */
  readonly detailSeparator?: string;
  /** Items of RFC 5183 §4.1 and of extensions, by name. */
  readonly environment?: ReadonlyMap<string, string>;
  readonly mailboxes?: ScriptMailboxes;
  readonly scripts?: ScriptSource;
  readonly duplicates?: DuplicateMemory;
  readonly lists?: ExternalLists;
  readonly notifyMethods?: NotifyMethods;
  /** What a check for spam and viruses said; none where there was no check (RFC 5235). */
  readonly scores?: {
    /** 1 is certainly no spam, 100 certainly is. */
    readonly spamPercent?: number;
    /** 1 is no virus, 5 certainly one (RFC 5235 §2.6). */
    readonly virus?: number;
  };
  /** Flags that the message has before the script runs: for scripts that IMAP starts (RFC 6785 §3.8). */
  readonly flags?: readonly string[];
}

/** Addresses without angle brackets; `from` of a bounce is empty. */
export interface ScriptEnvelope {
  readonly from: string;
  readonly to: string;
  readonly auth?: string;
  /** What DSN said of this recipient and message (RFC 3461). */
  readonly notify?: string;
  readonly orcpt?: string;
  readonly ret?: string;
  readonly envid?: string;
}

export interface ScriptMailboxes {
  /** Whether mail can be put into it (RFC 5490 §3.1). */
  exists(mailbox: string): MaybePromise<boolean>;
  existsId(mailboxId: string): MaybePromise<boolean>;
  /** The mailbox of that use, or whether this one has it. */
  hasSpecialUse(use: string, mailbox: string | undefined): MaybePromise<boolean>;
  /** An annotation of a mailbox, or of the server where no mailbox is named (RFC 5490 §3.3, §4.1). */
  annotation(mailbox: string | undefined, name: string): MaybePromise<string | undefined>;
}

/** Scripts to include (RFC 6609 §3.2). */
export interface ScriptSource {
  load(location: "personal" | "global", name: string): MaybePromise<Uint8Array | undefined>;
}

/** What the `duplicate` test remembers from one message to the next (RFC 7352 §3). */
export interface DuplicateMemory {
  /** Whether a message of this key came before and is not yet forgotten. */
  wasSeen(key: string): MaybePromise<boolean>;
}

/** Lists that are kept somewhere else, named by URI. */
export interface ExternalLists {
  isValid(list: string): MaybePromise<boolean>;
  contains(list: string, value: string): MaybePromise<boolean>;
}

/** What `notify` can do here beyond mailto (RFC 5435 §3). */
export interface NotifyMethods {
  isValid(uri: string): boolean;
}
