import type { Reply } from "@posthouse/smtp";

/** What is to be done with a message, the mildest first. */
export type Decision =
  | { readonly action: "take" }
  /** Into a mailbox that is not the INBOX. */
  | { readonly action: "junk" | "rejects"; readonly reason: string }
  /** It may come again. */
  | { readonly action: "defer"; readonly reply: Reply }
  | { readonly action: "refuse"; readonly reply: Reply };

export const take: Decision = { action: "take" };

const severity = ["take", "junk", "rejects", "defer", "refuse"] as const;

/** Of several, the hardest, and the first of these. */
export function hardest(decisions: readonly Decision[]): Decision {
  let found: Decision = take;
  for (const decision of decisions) {
    if (severity.indexOf(decision.action) > severity.indexOf(found.action)) found = decision;
  }
  return found;
}
