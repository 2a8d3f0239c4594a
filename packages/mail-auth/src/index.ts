export {
  authenticatedAuthor,
  authenticationResultsField,
  authservIdOf,
} from "./authentication-results.ts";
export { explainResults, explanationField } from "./explanation.ts";
export {
  type MailAuthenticator,
  type MailAuthenticatorOptions,
  type MailOrigin,
  openMailAuthenticator,
} from "./mail-authenticator.ts";
export type {
  ArcVerdict,
  AuthorFault,
  DkimVerdict,
  DmarcPolicy,
  DmarcVerdict,
  IprevVerdict,
  MailAuthResults,
  SpfVerdict,
} from "./verdicts.ts";
