/** Something to be posted to a web server. */
export interface WebhookNote {
  readonly version: 1;
  /** The id of the account that it is of. */
  readonly account: string;
  /** The URL that a filter named; without one it goes to the webhook of the account, signed. */
  readonly url?: string;
  /** The same when the same thing is told again. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

export const formatNote = (note: WebhookNote): string => `${JSON.stringify(note)}\n`;

/** Undefined for what is no note. */
export function parseNote(text: string): WebhookNote | undefined {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isNote(read) ? read : undefined;
}

function isNote(value: unknown): value is WebhookNote {
  if (typeof value !== "object" || value === null) return false;
  const { version, account, url, id, body } = value as Partial<Record<keyof WebhookNote, unknown>>;
  return (
    version === 1 &&
    [account, id, body].every((one) => typeof one === "string") &&
    (url === undefined || typeof url === "string")
  );
}
