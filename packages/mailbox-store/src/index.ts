export { accountPlaceOf } from "./account-path.ts";
export {
  type Adoption,
  type AdoptionOptions,
  adoptMail,
  planAdoption,
} from "./adopt/adopt-mail.ts";
export {
  type AccountFile,
  type AccountFiles,
  type AccountPlace,
  accountFiles,
  accountPlaces,
} from "./backup/account-files.ts";
export { restoredPlainFile } from "./backup/raise-marks.ts";
export { limits as mailboxStoreLimits } from "./limits.ts";
export type {
  AccountMail,
  Mailbox,
  MailStore,
  OpenMailboxOptions,
  OwnAccountMail,
} from "./mailbox-store.ts";
export { type AccountMove, moveAccountMail } from "./move-account.ts";
export { type MailStoreOptions, openMailStore } from "./open-mail-store.ts";
export { openScriptStore, type ScriptStoreOptions } from "./scripts/file-scripts.ts";
export type {
  AccountScripts,
  RememberedKey,
  ScriptInfo,
  ScriptStore,
} from "./scripts/script-store.ts";
export { HtmlText } from "./search/html-text.ts";
export { StoreError, type StoreErrorCode } from "./store-error.ts";
export * from "./types.ts";
export { intersection, orderedUidSet, uidSetOf, uidsInSet } from "./uid-set.ts";
