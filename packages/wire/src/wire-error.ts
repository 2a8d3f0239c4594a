/** The line had no end within the bound; it has been skipped, and the connection can go on. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
  readonly bytesMax: number;

  constructor(bytesMax: number) {
    super(`A line is longer than ${bytesMax} octets`);
    this.bytesMax = bytesMax;
  }
}

/** The client went away, or its network did. */
export class ConnectionLost extends Error {
  override readonly name: string = "ConnectionLost";
}

/** The client said nothing, or took nothing, for the time it was given. */
export class IdleTimeout extends ConnectionLost {
  override readonly name = "IdleTimeout";

  constructor() {
    super("The client was idle for too long");
  }
}
