export {
  type Account,
  type AuthClient,
  type AuthenticateRequest,
  type AuthenticateResult,
  AuthUnavailable,
  type RecipientResolution,
  type RecipientTarget,
} from "./auth-client.ts";
