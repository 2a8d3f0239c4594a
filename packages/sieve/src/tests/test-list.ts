import type { Check } from "../compile/definition.ts";
import type { Execution } from "../run/execution.ts";
import type { MaybePromise } from "../run/flow.ts";
import { holds } from "../run/run-steps.ts";

/**
 * From left to right, up to the first test that decides (RFC 5463 §4 asks for it): one that is what
 * `decides` says. Stays without a promise as long as the tests do.
 */
export function decide(
  checks: readonly Check[],
  execution: Execution,
  decides: boolean,
): MaybePromise<boolean> {
  for (let at = 0; at < checks.length; at += 1) {
    const check = checks[at];
    if (check === undefined) break;
    const result = holds(check, execution);
    if (result instanceof Promise)
      return decideLater(result, checks.slice(at + 1), execution, decides);
    if (result === decides) return decides;
  }
  return !decides;
}

async function decideLater(
  first: Promise<boolean>,
  others: readonly Check[],
  execution: Execution,
  decides: boolean,
): Promise<boolean> {
  return (await first) === decides ? decides : await decide(others, execution, decides);
}
