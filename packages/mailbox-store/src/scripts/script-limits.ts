/** What the scripts of one account may take. */
export const scriptLimits = {
  /** RFC 5804 §1.6 leaves it to us; clients keep a handful. */
  scriptsMax: 64,
  scriptBytesMax: 1024 * 1024,
  /** Of all scripts of one account. */
  totalBytesMax: 4 * 1024 * 1024,
  /** Names that stand apart from their files: those without a script are dropped beyond. */
  longNamesMax: 256,
  /** Lists of addresses, and octets of one. */
  addressListsMax: 64,
  addressListBytesMax: 1024 * 1024,
  /** Keys that one account's filters remember; the oldest go first. */
  rememberedMax: 20_000,
  /** The file is written anew when this many of its lines mean nothing any more. */
  staleLinesMax: 1_000,
} as const;
