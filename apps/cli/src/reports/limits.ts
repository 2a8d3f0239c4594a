const MIB = 1024 * 1024;

/** What reports of other hosts may cost: anybody can send one, and each is read by a program. */
export const limits = {
  /** A message. Reports of large providers about large domains have some 100 KiB. */
  messageBytesMax: 8 * MIB,
  /** A report, unpacked: some 20,000 records, which take about a second. */
  unpackedBytesMax: 8 * MIB,
  /** Elements within each other: RFC 9990 has 5, and extensions some more. */
  depthMax: 16,
  /** One value: names and addresses. Of what is longer the beginning counts. */
  valueCharsMax: 512,
  /** Records of a report that are told apart; a report with more is refused. */
  recordsMax: 20_000,
  /** Rows of a report that are kept; the others are added up. */
  rowsKeptMax: 60,
  /** Signatures and reasons of a row that are kept. */
  detailsMax: 3,
  /** From one domain about one of ours on one day: RFC 9990 speaks of daily ones, and some send one each hour. */
  perSenderAndDayMax: 48,
  /** Messages that one run reads. */
  messagesPerRunMax: 5_000,
  /** … and how long it reads, whoever wrote them: doctor has more to look at. */
  runMsMax: 60_000,
  /** All that is kept of reports. When it is full, no more are read until old ones go. */
  keptBytesMax: 32 * MIB,
} as const;
