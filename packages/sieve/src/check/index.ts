export { extensions as sieveExtensions, imapEventExtensions } from "../extensions.ts";
export { limits as sieveLimits } from "../limits.ts";
export { isScriptName } from "../script-name.ts";
export { formatProblem, type Problem, SieveScriptError } from "../sieve-error.ts";
export { CheckUnavailable, ScriptChecker } from "./script-checker.ts";
