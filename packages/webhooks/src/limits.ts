/** What may wait to be told. */
export const limits = {
  /** Notes of all accounts, and of one: some KiB each. */
  notesMax: 10_000,
  notesOfAccountMax: 1000,
  /** Octets of one note. */
  noteBytesMax: 32 * 1024,
  /** Octets of what is posted. */
  bodyBytesMax: 16 * 1024,
  urlCharsMax: 1000,
} as const;
