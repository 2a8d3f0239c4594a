import type { LookedUp, LookUp } from "./look-up.ts";
import type { ArcVerdict, DkimVerdict, DmarcVerdict, SpfVerdict } from "./verdicts.ts";

/** What is said of a message besides its octets. */
export interface MessageOrigin {
  /** IPv4 or IPv6 text. */
  readonly clientAddress: string;
  readonly helo: string;
  /** "" is the null reverse-path. */
  readonly reversePath: string;
  /** The name of the host that checks. */
  readonly hostname: string;
  /** Domains, lower case, whose ARC seal is believed. */
  readonly trustedSealers: readonly string[];
}

/** All but iprev, which needs no thread. */
export interface CheckedMessage {
  readonly spf: SpfVerdict;
  readonly dkim: readonly DkimVerdict[];
  readonly dmarc: DmarcVerdict;
  readonly arc: ArcVerdict;
}

/** To a thread. */
export type ToThread =
  | { readonly kind: "message"; readonly id: number; readonly origin: MessageOrigin }
  | { readonly kind: "octets"; readonly id: number; readonly octets: Uint8Array }
  | { readonly kind: "end"; readonly id: number }
  /** The rest will not come. */
  | { readonly kind: "abandon"; readonly id: number }
  | {
      readonly kind: "answer";
      readonly id: number;
      readonly question: number;
      readonly answer: LookedUp;
    };

/** From a thread. */
export type FromThread =
  /** One more chunk may come. */
  | { readonly kind: "taken"; readonly id: number }
  | {
      readonly kind: "question";
      readonly id: number;
      readonly question: number;
      readonly lookUp: LookUp;
    }
  | { readonly kind: "checked"; readonly id: number; readonly checked: CheckedMessage }
  | { readonly kind: "failed"; readonly id: number; readonly error: Error };
