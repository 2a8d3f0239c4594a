export {
  type AccountSummary,
  type AddAccountRequest,
  type AdminClient,
  type Alias,
  type Ban,
  type Compression,
  connectAdmin,
  type DomainSummary,
  type LastLogin,
  type MailboxFormat,
  type QuotaChange,
  type RemovedAccount,
  type RemovedDomain,
} from "./admin-client.ts";
export {
  type Account,
  type AuthClient,
  type AuthenticateRequest,
  type AuthenticateResult,
  AuthUnavailable,
  connectAuth,
  type RecipientResolution,
  type RecipientTarget,
} from "./auth-client.ts";
export { DirectoryError, type DirectoryErrorCode } from "./directory-error.ts";
export { LoginExchange, type LoginStep } from "./sasl/login.ts";
export { decodePlain, type PlainCredentials } from "./sasl/plain.ts";
export { SaslError, type SaslErrorCode } from "./sasl/sasl-error.ts";
export { decodeSaslResponse } from "./sasl/sasl-response.ts";
