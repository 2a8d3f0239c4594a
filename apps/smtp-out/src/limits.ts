const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** What sending may cost. How many connections there may be is the administrator's: [smtp_out]. */
export const limits = {
  /**
   * Messages that one claim takes for one destination: they share a session, one after the other. With more of them
   * one connection would work off what several could; the session is kept for the next claim anyway.
   */
  deliveriesPerClaimMax: 5,
  /** Connections that a destination of which nothing is known begins with. */
  connectionsFirst: 2,
  /**
   * A claim that no host has answered for so long counts no more as one of the deliveries at the same time,
   * as long as there are not more of them than this: many hosts that are away hold up nobody else.
   */
  silentAfterMs: 2 * SECOND_MS,
  silentMax: 200,
  /** Destinations whose pace is remembered when nothing goes there. */
  pacedDestinationsMax: 10_000,
  /** Of all connections at the same time, this part at most tries destinations that did not answer last. */
  suspectsPart: 0.25,
  /** Local deliveries at the same time: lmtp-delivery is one process on this host. */
  localDeliveriesMax: 10,
  /** RFC 5321 §4.5.3.1.8: a server takes 100 recipients at least; no more are asked of any. */
  recipientsPerTransactionMax: 100,
  /** Other domains of one message that are looked at at a time, for those with the same hosts. */
  companionsMax: 50,
  /** Whose hosts are not known by then goes by itself. */
  companionsWaitMs: 500,
  /** Messages of which it is remembered which of their domains have the same hosts. */
  companionEntriesMax: 1000,
  /** MX hosts of a destination that are looked at; more are an attack or a mistake. */
  exchangesMax: 20,
  /** Addresses that one attempt connects to, at 30 s each. RFC 5321 §5.1 asks for two at least. */
  addressesPerAttemptMax: 6,
  /** An unused session waits so long for the next message to the same destination. */
  sessionIdleMs: 5 * SECOND_MS,
  /** Messages over one session; some servers count, and a fresh one spreads over a destination's hosts. */
  messagesPerSessionMax: 100,
  /** A host that does not even accept the connection by then is passed over. */
  connectMs: 30 * SECOND_MS,
  /** The whole spool is read so often, for pokes that were lost. */
  scanEveryMs: 10 * MINUTE_MS,
  /** The gauge of the queue's length is set so often: as a Prometheus server asks, and no count costs much. */
  queueGaugeEveryMs: 15 * SECOND_MS,
  /** After a look at the queue that found nothing to do the next one comes no sooner, whoever wakes it. */
  lookMsMin: 5,
  /** The clock of the host may be set; so no wait for the next due time is longer. */
  wakeMsMax: MINUTE_MS,
  /** A second smtp-out on the same queue is not told of new mail, and looks so often. */
  instanceLookMs: SECOND_MS,
  /** After an error of our own disk or index. */
  troubleWaitMs: 5 * SECOND_MS,
  /** The DSN for an entry could not be queued: auth or the spool is down. */
  notifyAgainMs: MINUTE_MS,
  /** lmtp-delivery does not answer: the first wait, doubled until it is that for other hosts. */
  deliveryDownWaitMs: 5 * SECOND_MS,
  /** Whether the DNS calls our own addresses by our name is looked at so often, without mail too. */
  sourceCheckEveryMs: 60 * MINUTE_MS,
  /** And what was found holds so long. */
  sourceKnownMs: 10 * MINUTE_MS,
  /** Names of one of our addresses that a warning tells. */
  ownNamesToldMax: 3,
  /** A program that a route gives mail to is killed after so long. */
  programMs: 10 * MINUTE_MS,
  /** Of what it wrote, the end is kept as its answer. */
  programOutputCharsMax: 1000,
  /** DKIM signatures kept for the other destinations of their messages, a KiB each. */
  signaturesMax: 1000,
  /** A signature that is older is made anew: its key may be another by then. */
  signatureAgeMsMax: 10 * MINUTE_MS,
  /** DNS records of new DKIM keys are looked for so often. */
  keyWatchEveryMs: MINUTE_MS,
  /** The whole of fetching one MTA-STS policy; mail to the domain waits for the first one. */
  mtaStsFetchMs: 15 * SECOND_MS,
  /** RFC 8461 §3.3 asks for five minutes between attempts that failed. */
  mtaStsAgainMs: 5 * MINUTE_MS,
  /** RFC 8461 §3.2 lets us stop there. */
  mtaStsBytesMax: 64 * 1024,
  /** MTA-STS policies in memory, some KiB each at most; the others stay on disk. */
  mtaStsPoliciesMax: 10_000,
  /** Domains that TLS reports of one day are kept for. */
  reportedDomainsMax: 10_000,
  /** Different failures in one TLS report. */
  reportedFailuresMax: 100,
  /** Days that are over are looked for so often, for their TLS reports. */
  reportsSendEveryMs: 60 * MINUTE_MS,
  /** Places that one domain has its TLS reports sent to. */
  reportPlacesMax: 4,
  /** The whole of handing in one TLS report by HTTPS. */
  reportPostMs: 30 * SECOND_MS,
  /** What is counted for TLS reports is on disk after so long. */
  reportsWriteEveryMs: MINUTE_MS,
  /** Hosts of one attempt whose dialogues the event trail has. */
  triesToldMax: 12,
  /** Of a reply in the log and the event trail. */
  replyCharsMax: 1024,
  /** Web servers that are told of mail at the same time; each hears one thing after the other. */
  webhooksAtOnceMax: 8,
  /** The whole of telling one. */
  webhookPostMs: 15 * SECOND_MS,
  /** Octets of its answer, which nobody reads. */
  webhookAnswerBytesMax: 64 * 1024,
  /** Before the second try; twice as long before each further one, up to an hour. */
  webhookRetryMs: 10 * SECOND_MS,
  webhookRetryMsMax: 60 * MINUTE_MS,
  /** For so long it is tried. */
  webhookMsMax: 24 * 60 * MINUTE_MS,
  /** At the end, transactions under way get so long to hear their last reply. */
  closeWaitMs: 1200,
  /** And then so long to write down what they came to. */
  abortWaitMs: 300,
  /** One line to the control socket. */
  controlLineBytesMax: 256,
  /** Programs that talk to the control socket at the same time. */
  controlConnectionsMax: 256,
} as const;
