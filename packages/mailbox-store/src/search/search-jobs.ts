import type { StoreErrorCode } from "../store-error.ts";
import type { TextCriterion } from "../types.ts";

/** A question to the search thread. */
export interface SearchRequest {
  readonly number: number;
  readonly accountPath: string;
  readonly guid: string;
  readonly criterion: TextCriterion;
  /** Ascending. */
  readonly uids: Uint32Array;
}

export interface SearchResult {
  /** Ascending. */
  readonly found: Uint32Array;
  /** Their files have other names than the index knows: after a scan they can be asked for again. */
  readonly missing: Uint32Array;
  /** search.sqlite is there, and no use. */
  readonly isDamaged: boolean;
}

export type SearchReply =
  | { readonly number: number; readonly result: SearchResult }
  | { readonly number: number; readonly code: StoreErrorCode; readonly message: string };

/** To the filling thread. */
export type FillRequest = { readonly accountPath: string; readonly isDamaged: boolean } | "close";

/** From the filling thread. "again" when another process is at it, or something came between. */
export type FillReply =
  | { readonly kind: "filled"; readonly accountPath: string; readonly next: "done" | "again" }
  | { readonly kind: "failed"; readonly accountPath: string; readonly reason: string }
  | { readonly kind: "log"; readonly text: string };

export interface SearchOptions {
  /** Bounds what a compressed file is read as. */
  readonly messageBytesMax: number;
}

export interface FillOptions extends SearchOptions {
  readonly crashAt: string | undefined;
}
