import type { SpoolEntry } from "@posthouse/queue";
import type { Config } from "@posthouse/service";
import type { Envelope } from "@posthouse/smtp/envelope";
import { isAddressLike } from "./routes.ts";

type HoldRule = Config["smtpOut"]["hold"][number];

/**
 * The rules of smtp_out.hold: mail that leaves here only when the administrator has seen it.
 *
 * They are asked before each attempt and not when mail comes in, so that a rule that is made today stops
 * what waits since yesterday, and so that programs that put mail in need not know them.
 */
export class HoldRules {
  readonly #rules: readonly HoldRule[];

  constructor(rules: readonly HoldRule[]) {
    this.#rules = rules;
  }

  /** The name of the first one that stops this entry. What was let go on is not stopped again. */
  for({ envelope, isResumed }: Pick<SpoolEntry, "envelope" | "isResumed">): string | undefined {
    if (isResumed) return undefined;
    return this.#rules.find((rule) => isStopped(rule, envelope))?.name;
  }
}

/** All that the rule says has to be so, and mail for mailboxes here only is never stopped. */
function isStopped(
  { from, to, recipientsMoreThan }: HoldRule,
  { reversePath, authenticatedAs, recipients }: Envelope,
): boolean {
  const leaving = recipients.filter(({ isLocal }) => !isLocal);
  if (leaving.length === 0) return false;
  if (recipientsMoreThan !== undefined && recipients.length <= recipientsMoreThan) return false;
  const isFromThem =
    from?.some((one) => isAddressLike(one, reversePath) || isAddressLike(one, authenticatedAs)) ??
    true;
  return (
    isFromThem &&
    (to === undefined ||
      leaving.some(({ address }) => to.some((pattern) => isAddressLike(pattern, address))))
  );
}
