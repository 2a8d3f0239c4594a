import {
  CheckUnavailable,
  formatProblem,
  type ScriptChecker,
  SieveScriptError,
} from "@posthouse/sieve/check";
import type { Completion } from "./command.ts";
import { no } from "./response.ts";

/**
 * Checks a script as it will be before it runs, and makes the answer of it: OK, with warnings where
 * there are some. RFC 5804 §2.6 and §2.12: each problem is a line of the text, with its place.
 *
 * @throws CommandFailure with all that is wrong
 */
export async function checkedScript(
  checker: ScriptChecker,
  script: Uint8Array,
  text: string,
): Promise<Completion> {
  // RFC 5804 §2.6: a script of zero length SHOULD be disallowed.
  if (script.length === 0) throw no("The script is empty");
  try {
    const warnings = await checker.check(script);
    if (warnings.length === 0) return { text };
    return { code: "WARNINGS", text: warnings.map(formatProblem).join("\r\n") };
  } catch (error) {
    if (error instanceof CheckUnavailable) throw no("Scripts cannot be checked now", "TRYLATER");
    if (!(error instanceof SieveScriptError)) throw error;
    throw no(error.problems.map(formatProblem).join("\r\n"));
  }
}
