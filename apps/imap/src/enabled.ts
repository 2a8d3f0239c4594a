/** What a client can switch on for its connection, in capitals: RFC 5161. */
export const enableNames = [
  "CONDSTORE",
  "QRESYNC",
  "IMAP4REV2",
  "UIDONLY",
  "UTF8=ACCEPT",
  "METADATA",
  "METADATA-SERVER",
] as const;
export type EnableName = (typeof enableNames)[number];

const bitOf = (name: EnableName): number => 1 << enableNames.indexOf(name);

/**
 * What ENABLE, or a command that does the same (RFC 7162 §3.1), has switched on. It lasts as long as the
 * login: there is no way to switch one of them off.
 */
export class Enabled {
  /** A bit each, in the order of `enableNames`. */
  #bits = 0;

  has(name: EnableName): boolean {
    return (this.#bits & bitOf(name)) !== 0;
  }

  /** False when it was on already. */
  add(name: EnableName): boolean {
    if (this.has(name)) return false;
    this.#bits |= bitOf(name);
    // RFC 7162 §3.2.3: whoever wants the one wants the other.
    if (name === "QRESYNC") this.#bits |= bitOf("CONDSTORE");
    return true;
  }

  /** For whoever logs in next on the same connection. */
  clear(): void {
    this.#bits = 0;
  }

  /** VANISHED instead of EXPUNGE: RFC 7162 §3.2.10, RFC 9586. */
  get tellsVanished(): boolean {
    return this.has("QRESYNC") || this.has("UIDONLY");
  }

  /** Names of mailboxes in UTF-8 instead of modified UTF-7: RFC 9051 §5.1, RFC 6855 §3. */
  get hasUtf8Names(): boolean {
    return this.has("IMAP4REV2") || this.has("UTF8=ACCEPT");
  }
}
