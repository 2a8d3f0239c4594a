import type { Place } from "../sieve-error.ts";
import type { MessagePiece } from "./message-source.ts";

/** Where a message goes: by name, or by what else it can be found by, with the name as the second choice. */
export interface Destination {
  readonly mailbox: string;
  readonly mailboxId?: string;
  readonly specialUse?: string;
  /** Made when it is not there (RFC 5490 §3.2). */
  readonly creates: boolean;
}

/** What a script decided. `pieces` are the message as it was at that moment (RFC 5293 §6). */
export type Action = Place &
  (
    | {
        readonly kind: "keep";
        readonly flags: readonly string[];
        readonly pieces: readonly MessagePiece[];
        /** No command said so: nothing took the message (RFC 5228 §2.10.2). */
        readonly isImplicit: boolean;
      }
    | {
        readonly kind: "fileinto";
        readonly destination: Destination;
        readonly flags: readonly string[];
        readonly pieces: readonly MessagePiece[];
      }
    | {
        readonly kind: "redirect";
        readonly address: string;
        /** The address is the name of a list, and the message goes to its members. */
        readonly isList: boolean;
        /** NOTIFY and RET of DSN, where the script says them. */
        readonly notify?: string;
        readonly ret?: string;
        readonly pieces: readonly MessagePiece[];
      }
    | {
        readonly kind: "reject";
        readonly reason: string;
        /** ereject: at SMTP time or as a DSN, never as an MDN (RFC 5429 §2.1). */
        readonly isExtended: boolean;
      }
    | { readonly kind: "discard" }
    | {
        readonly kind: "notify";
        readonly method: string;
        readonly message: string;
        /** The script said it, and it is not our own words. */
        readonly hasMessage: boolean;
        readonly from?: string;
        /** 1 is high, 3 low (RFC 5435 §3.4). */
        readonly importance: 1 | 2 | 3;
        readonly options: readonly string[];
        readonly fcc?: Fcc;
      }
    | {
        readonly kind: "vacation";
        readonly reason: string;
        readonly isMime: boolean;
        readonly subject?: string;
        readonly from?: string;
        /** Further addresses of the owner (RFC 5230 §4.5). */
        readonly addresses: readonly string[];
        readonly seconds: number;
        /** Same for texts that are the same reply (RFC 5230 §4.2). */
        readonly handle: string;
        readonly fcc?: Fcc;
      }
  );

/** Where a copy of a message that a script made is kept. */
export interface Fcc {
  readonly destination: Destination;
  readonly flags: readonly string[];
}

export type ActionOf<Kind extends Action["kind"]> = Extract<Action, { kind: Kind }>;

/** A key to remember once everything that the script decided is done (RFC 7352 §3). */
export interface DuplicateMark {
  readonly key: string;
  readonly seconds: number;
}
