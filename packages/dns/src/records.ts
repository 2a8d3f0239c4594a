/** What a question was answered with. */
export interface DnsAnswer<T> {
  readonly records: readonly T[];
  /** AD was set by a resolver that may be believed: all of the answer was validated (RFC 4035 §3.2.3). */
  readonly isAuthenticated: boolean;
  /** What is left of the smallest TTL on the way to the records. */
  readonly ttlSeconds: number;
  /** The name at the end of the CNAME chain: the owner of the records (RFC 7672 §2.2.2 needs it). */
  readonly canonicalName: string;
}

export interface MxRecord {
  /** Lower is tried first (RFC 5321 §5.1). */
  readonly preference: number;
  /** Without trailing dot; "" is the null MX of RFC 7505: this domain takes no mail. */
  readonly exchange: string;
}

export interface AddressRecord {
  readonly address: string;
  readonly family: 4 | 6;
}

/** RFC 6698 §2.1. */
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly certificate: Buffer;
}
