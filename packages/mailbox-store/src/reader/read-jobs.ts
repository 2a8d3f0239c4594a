/** Files that are wanted whole, each with the most octets that are read of it. */
export interface ReadRequest {
  readonly number: number;
  readonly paths: readonly string[];
  readonly lengthsMax: readonly number[];
}

export interface ReadReply {
  readonly number: number;
  /** One file after the other, each in as much room as was asked for. */
  readonly octets: ArrayBuffer;
  /** What was read of each; -1 where that could not be done. */
  readonly lengths: readonly number[];
}
