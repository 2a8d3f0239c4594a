import { PathError, parseMailbox } from "@posthouse/message";
import { limits } from "../limits.ts";

/** What a mailto URI says (RFC 5436 §2.1). */
export interface Mailto {
  /** For To, and for Cc. */
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject?: string;
  readonly body?: string;
  /** Further fields, names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** RFC 5436 §2.7: what a URI may not say, and what has a place of its own. */
const ignored = new Set([
  "auto-submitted",
  "bcc",
  "date",
  "from",
  "message-id",
  "mime-version",
  "received",
  "references",
  "reply-to",
  "return-path",
  "sender",
]);

/** Undefined when it is none, names nobody, or names more people than may be told. */
export function parseMailto(uri: string): Mailto | undefined {
  const [, path = "", query = ""] = /^mailto:([^?#]*)(?:\?([^#]*))?$/i.exec(uri) ?? [];
  const to = addresses(path);
  const cc: string[] = [];
  const texts: { subject?: string; body?: string } = {};
  const fields: (readonly [string, string])[] = [];
  if (to === undefined) return undefined;
  for (const pair of query.split("&").filter((text) => text !== "")) {
    const equals = pair.indexOf("=");
    const name = decode(pair.slice(0, Math.max(equals, 0)))?.toLowerCase();
    const encoded = pair.slice(equals + 1);
    const value = decode(encoded);
    if (equals === -1 || name === undefined || value === undefined) return undefined;
    if (name === "to" || name === "cc") {
      const more = addresses(encoded);
      if (more === undefined) return undefined;
      (name === "to" ? to : cc).push(...more);
    } else if (name === "subject" || name === "body") texts[name] ??= value;
    else if (/^[!-9;-~]{1,76}$/.test(name) && !ignored.has(name) && !name.startsWith("content-")) {
      fields.push([name, value]);
    }
  }
  const count = to.length + cc.length;
  if (count === 0 || count > limits.notifyRecipientsMax || fields.length > 16) return undefined;
  return { to, cc, ...texts, fields };
}

function addresses(encoded: string): string[] | undefined {
  const found: string[] = [];
  for (const part of encoded.split(",").filter((text) => text !== "")) {
    const address = decode(part)?.trim();
    if (address === undefined) return undefined;
    try {
      if (parseMailbox(address, { smtpUtf8: true }).domain === "") return undefined;
    } catch (error) {
      if (error instanceof PathError) return undefined;
      throw error;
    }
    found.push(address);
  }
  return found;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
