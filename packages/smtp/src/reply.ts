/** A reply of RFC 5321 §4.2 with the enhanced status code of RFC 3463. */
export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** `2.1.5`; absent only in what a remote host said without one. */
  readonly enhanced?: string;
  /** One line for each line of the reply, without codes. */
  readonly text: string;
}

/** 4yz asks the client to come back (RFC 5321 §4.2.1), so the queue keeps the message. */
export const isTransient = ({ code }: Reply): boolean => code >= 400 && code < 500;

/** 5yz: trying again as it is would be refused again (RFC 5321 §4.2.1). */
export const isPermanent = ({ code }: Reply): boolean => code >= 500;

export const isPositive = ({ code }: Reply): boolean => code >= 200 && code < 400;
