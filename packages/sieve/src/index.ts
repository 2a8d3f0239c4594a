export { type CompileOptions, compileScript } from "./compile/compile-script.ts";
export type { Program } from "./compile/program.ts";
export { ProgramCache } from "./compile/program-cache.ts";
export { type AnswerContext, reasonNotToAnswer } from "./compose/automatic-reply.ts";
export { composeNotification, type Notification } from "./compose/notification.ts";
export { type Composition, composeVacationReply } from "./compose/vacation-reply.ts";
export { extensions as sieveExtensions, imapEventExtensions } from "./extensions.ts";
export { limits as sieveLimits } from "./limits.ts";
export type { Action, ActionOf, Destination, DuplicateMark, Fcc } from "./run/actions.ts";
export type { Trace, TraceEntry } from "./run/execution.ts";
export { type MessagePiece, type MessageSource, sourceOfOctets } from "./run/message-source.ts";
export { type RunOptions, type RunResult, runScripts } from "./run/run-script.ts";
export type {
  DuplicateMemory,
  ExternalLists,
  NotifyMethods,
  ScriptEnvelope,
  ScriptMailboxes,
  ScriptSource,
  Surroundings,
} from "./run/surroundings.ts";
export { isScriptName } from "./script-name.ts";
export {
  formatProblem,
  type Place,
  type Problem,
  SieveRunError,
  SieveScriptError,
} from "./sieve-error.ts";
