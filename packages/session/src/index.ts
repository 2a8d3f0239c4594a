export { accountOf, type LoginRules } from "./account-of.ts";
export { bad, CommandFailure, Farewell } from "./command-failure.ts";
export {
  CommandSession,
  type CommandSessionOptions,
  type FailureWords,
  type SessionServices,
} from "./command-session.ts";
export { type ServedParts, serveSessions } from "./serve-sessions.ts";
