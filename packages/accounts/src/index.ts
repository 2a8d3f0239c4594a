export { reportsLocalPart } from "./address/reports-local-part.ts";
export {
  type AccountSummary,
  type AddAccountRequest,
  type AddAppPasswordRequest,
  type AddListRequest,
  type AdminClient,
  type Alias,
  type AliasRights,
  type ApopSecret,
  type AppPassword,
  type Ban,
  type Compression,
  connectAdmin,
  type DisabledFor,
  type DomainAlias,
  type DomainSummary,
  type LastLogin,
  type ListPeopleChange,
  type ListSettings,
  type LoginPlace,
  type MailboxFormat,
  type MailingList,
  type NewAppPassword,
  type QuotaChange,
  type RemovedAccount,
  type RemovedDomain,
  type RenamedDomain,
  type RestorableAccount,
  type Webhook,
} from "./admin-client.ts";
export {
  type AbuseReport,
  type Account,
  type ApopLogins,
  type ApopRequest,
  type AuthClient,
  type AuthenticateRequest,
  type AuthenticateResult,
  AuthUnavailable,
  type BanWatch,
  connectAuth,
  type Forwarding,
  type ListPolicy,
  type ListPosts,
  type LoginProtocol,
  type RecipientResolution,
  type RecipientTarget,
  type SignedWebhook,
  type WebhookRequest,
  type WebhookSigning,
} from "./auth-client.ts";
export { DirectoryError, type DirectoryErrorCode } from "./directory-error.ts";
export { LoginExchange, type LoginStep } from "./sasl/login.ts";
export type {
  CertifiedLoginRequest,
  SaslLogins,
  ScramChallenge,
  ScramChallengeRequest,
  ScramHash,
  ScramProofRequest,
  ScramResult,
  TokenLoginRequest,
} from "./sasl/login-requests.ts";
export { decodePlain, type PlainCredentials } from "./sasl/plain.ts";
export type { SaslChannel, SaslLogin } from "./sasl/sasl-dialogue.ts";
export { SaslError, type SaslErrorCode } from "./sasl/sasl-error.ts";
export { authenticateBySasl, type SaslOffers, saslMechanisms } from "./sasl/sasl-login.ts";
export { decodeSaslResponse } from "./sasl/sasl-response.ts";
