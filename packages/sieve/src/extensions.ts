/** What a script may require. */
export interface Extension {
  /** Extensions that come with it. */
  readonly implies?: readonly string[];
  /** It changes how the script itself is read, and cannot be tested for with ihave (RFC 5463 §4). */
  readonly changesReading?: boolean;
}

/** Every extension, by the name that `require` has for it, with the standard that says what it is. */
export const extensions: ReadonlyMap<string, Extension> = new Map<string, Extension>([
  // RFC 5228
  ["fileinto", {}],
  ["envelope", {}],
  ["encoded-character", { changesReading: true }],
  ["comparator-i;octet", {}],
  ["comparator-i;ascii-casemap", {}],
  ["comparator-i;ascii-numeric", {}],
  ["comparator-i;unicode-casemap", {}],
  // RFC 3894
  ["copy", {}],
  // RFC 5173
  ["body", {}],
  // RFC 5183
  ["environment", {}],
  // RFC 5229
  ["variables", { changesReading: true }],
  // RFC 5230, RFC 6131
  ["vacation", {}],
  ["vacation-seconds", { implies: ["vacation"] }],
  // RFC 5231
  ["relational", {}],
  // RFC 5232
  ["imap4flags", {}],
  // RFC 5233
  ["subaddress", {}],
  // RFC 5235
  ["spamtest", {}],
  ["spamtestplus", { implies: ["spamtest"] }],
  ["virustest", {}],
  // RFC 5260
  ["date", {}],
  ["index", {}],
  // RFC 5293
  ["editheader", {}],
  // RFC 5429
  ["reject", {}],
  ["ereject", {}],
  // RFC 5435
  ["enotify", {}],
  // RFC 5463
  ["ihave", {}],
  // RFC 5490
  ["mailbox", {}],
  ["mboxmetadata", {}],
  ["servermetadata", {}],
  // RFC 6609
  ["include", {}],
  // RFC 6785
  ["imapsieve", {}],
  // RFC 7352
  ["duplicate", {}],
  // Of later standards, see README.md
  ["envelope-dsn", {}],
  ["extlists", {}],
  ["extracttext", {}],
  ["enclose", {}],
  ["fcc", {}],
  ["foreverypart", {}],
  ["mailboxid", {}],
  ["mime", {}],
  ["redirect-dsn", {}],
  ["regex", {}],
  ["replace", {}],
  ["special-use", {}],
]);

/** RFC 6785 §3.11: what answers a delivery is an error in a script that IMAP starts. */
const ofDelivery: ReadonlySet<string> = new Set([
  "reject",
  "ereject",
  "vacation",
  "vacation-seconds",
]);

/** Those of a script that IMAP starts. */
export const imapEventExtensions: ReadonlySet<string> = new Set(
  [...extensions.keys()].filter((name) => !ofDelivery.has(name)),
);
