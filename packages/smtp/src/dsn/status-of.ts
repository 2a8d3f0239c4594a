import type { DsnAction, DsnRecipient } from "./dsn.ts";

/** The Status field (RFC 3464 §2.3.4): as given, as replied, or the general code of the action's class. */
export function statusOf(recipient: DsnRecipient, action: DsnAction): string {
  const { status, diagnostic } = recipient;
  const replied = typeof diagnostic === "object" ? diagnostic.enhanced : undefined;
  const candidates = [status, replied].filter((code) => code !== undefined);
  return candidates.find((code) => isStatusFor(action, code)) ?? generalStatusOf[action];
}

/**
 * RFC 3464 §2.3.3: a failed recipient may have a 4yz status, when time ran out; a success never one of
 * a failure. So a remote host's code does not turn a report into its opposite.
 */
function isStatusFor(action: DsnAction, code: string): boolean {
  if (!/^[245]\.\d{1,3}\.\d{1,3}$/u.test(code)) return false;
  return action === "failed" ? !code.startsWith("2") : code.startsWith(classOf[action]);
}

const classOf = {
  failed: "5",
  delayed: "4",
  delivered: "2",
  relayed: "2",
  expanded: "2",
} as const satisfies Record<DsnAction, string>;

const generalStatusOf = {
  failed: "5.0.0",
  delayed: "4.0.0",
  delivered: "2.0.0",
  relayed: "2.0.0",
  expanded: "2.0.0",
} as const satisfies Record<DsnAction, string>;
