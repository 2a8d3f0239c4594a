export { accountPlaceOf } from "./account-path.ts";
export type { AccountPlace } from "./backup/account-files.ts";
export { limits as mailboxStoreLimits } from "./limits.ts";
export type {
  AccountMail,
  Mailbox,
  MailStore,
  OpenMailboxOptions,
  OwnAccountMail,
} from "./mailbox-store.ts";
export { type MailStoreOptions, openMailStore } from "./open-mail-store.ts";
export { openScriptStore, type ScriptStoreOptions } from "./scripts/file-scripts.ts";
export type {
  AccountScripts,
  RememberedKey,
  ScriptInfo,
  ScriptStore,
} from "./scripts/script-store.ts";
export { StoreError, type StoreErrorCode } from "./store-error.ts";
export * from "./types.ts";
export { intersection, orderedUidSet, uidSetOf, uidsInSet } from "./uid-set.ts";
