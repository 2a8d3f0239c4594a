import type { Reply } from "@posthouse/smtp";

/** A message at its end of data, as a filter is told of it. */
export interface FilteredMail {
  /** Ours. */
  readonly messageId: string;
  readonly hostname: string;
  readonly clientAddress: string;
  /** The client's name in the DNS, when it leads back to the address. */
  readonly clientName: string | undefined;
  readonly helo: string;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly tls: { readonly version: string; readonly cipher: string } | undefined;
  /** May be read any number of times, also at the same time. */
  octets(): AsyncIterable<Uint8Array>;
}

/** A header field that a filter wants in front of the message. */
export interface AddedField {
  readonly name: string;
  readonly value: string;
}

/** What a filter says. Reasons are for people, without a full stop. */
export type FilterVerdict =
  | {
      readonly action: "accept" | "junk" | "quarantine";
      readonly reason: string;
      readonly fields: readonly AddedField[];
    }
  | { readonly action: "reject" | "tempfail"; readonly reason: string; readonly reply: Reply };

/** One program that looks at mail. */
export interface Filter {
  /** As the administrator calls it. */
  readonly name: string;
  /** @throws FilterFailed when there is no verdict; anything once the signal is aborted */
  check(mail: FilteredMail, signal: AbortSignal): Promise<FilterVerdict>;
}

/** The filter does not answer, or not in a way that can be understood. */
export class FilterFailed extends Error {
  override readonly name = "FilterFailed";
}
