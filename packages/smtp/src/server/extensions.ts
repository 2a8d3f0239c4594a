/** Extensions that only some servers can keep the promise of. Each is offered when it is set. */
export interface SmtpExtensions {
  /** RFC 8689; offered inside TLS alone (its §2). */
  readonly requireTls?: boolean;
  /** RFC 4865: the longest that a message is held, and only for those who have logged in. */
  readonly futureReleaseSecondsMax?: number;
  /** RFC 2852. */
  readonly deliverBy?: boolean;
  /** RFC 6710. */
  readonly priority?: boolean;
  /** RFC 9422: says how many recipients a message may have. */
  readonly limits?: boolean;
  /** RFC 3865: classes of solicitation that are not taken. */
  readonly noSoliciting?: readonly string[];
}

/** BY of RFC 2852: so many seconds from now, and what happens then. */
export interface DeliverBy {
  readonly seconds: number;
  /** Return it, or notify of the delay. */
  readonly mode: "R" | "N";
  readonly trace: boolean;
}
