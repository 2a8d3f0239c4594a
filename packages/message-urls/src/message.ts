/** A URL that somebody shows, and whose login it is that shows it. */
export interface UrlRequest {
  readonly url: string;
  /** The address of the account that has logged in where the URL came in. */
  readonly account: string;
}

/** Why nothing is given: the URL is for somebody else, or it opens nothing (whatever the reason). */
export type UrlRefusal = "not-for-you" | "not-there";

/** Octets whose number is known before they are read. */
export interface UrlContent {
  readonly lengthBytes: number;
  octets(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What is said before the octets, in one line. */
export type AnswerLine = { readonly bytes: number } | { readonly refused: UrlRefusal };

/** The line as it was sent, or undefined when it is no request. */
export function readRequest(line: Buffer): UrlRequest | undefined {
  const read = parseJson(line);
  if (typeof read?.url !== "string" || typeof read.account !== "string") return undefined;
  return { url: read.url, account: read.account };
}

/** The line as it was sent, or undefined when it is no answer. */
export function readAnswer(line: Buffer): AnswerLine | undefined {
  const read = parseJson(line);
  if (Number.isSafeInteger(read?.bytes) && Number(read?.bytes) >= 0) {
    return { bytes: Number(read?.bytes) };
  }
  const refused = read?.refused;
  return refused === "not-for-you" || refused === "not-there" ? { refused } : undefined;
}

export const inOneLine = (said: UrlRequest | AnswerLine): string => `${JSON.stringify(said)}\n`;

function parseJson(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const read: unknown = JSON.parse(line.toString("utf8"));
    return typeof read === "object" && read !== null ? { ...read } : undefined;
  } catch {
    return undefined;
  }
}
