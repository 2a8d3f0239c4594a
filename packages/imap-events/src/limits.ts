/** What may wait to be run. */
export const limits = {
  /** Commands of all accounts: more wait only where nobody runs scripts, or somebody floods them. */
  eventsMax: 10_000,
  /** Octets of one: a set of UIDs of a mailbox with holes everywhere, and 64 sets of flags. */
  eventBytesMax: 4 * 1024 * 1024,
} as const;
