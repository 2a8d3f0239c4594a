import type { DetailsRow } from "../index/rows.ts";
import type { SortKeysRow } from "../sort-keys.ts";
import type { StoreErrorCode } from "../store-error.ts";
import type { AnnotationChange, MailboxFormat, RightsChange } from "../types.ts";

/** A message whose octets are durable in a file of the account's tmp/. */
export interface ReceivedMessage {
  readonly tmpName: string;
  readonly key: string;
  readonly sizeBytes: number;
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  /** Not known of what another format gave: it is found when it is first asked for. */
  readonly details: DetailsRow | undefined;
  readonly sortKeys: SortKeysRow | undefined;
}

export interface QuotaLimits {
  readonly quotaBytes?: number;
  readonly quotaMessages?: number;
  readonly quotaMailboxes?: number;
}

export interface AppendedUids {
  readonly uidValidity: number;
  readonly uids: readonly number[];
}

export interface CopiedUids {
  readonly uidValidity: number;
  readonly sourceUids: readonly number[];
  readonly targetUids: readonly number[];
}

/** Everything that the writer thread can be asked for; each is done whole or not at all. */
export interface Jobs {
  /** Makes the account's directory when there is none; finishes what a crash interrupted. */
  open: {
    args: { readonly accountId: string; readonly format?: MailboxFormat };
    result: { readonly isNew: boolean };
  };
  /** Closes the account's database and removes its directory. */
  removeAccount: { args: { readonly accountId: string }; result: undefined };
  append: {
    args: {
      readonly folder: string;
      readonly messages: readonly ReceivedMessage[];
      readonly isDelivery: boolean;
      readonly deliveryId?: string;
      readonly quota: QuotaLimits;
    };
    result: AppendedUids;
  };
  changeFlags: {
    args: {
      readonly guid: string;
      readonly uids: readonly number[];
      readonly mode: "add" | "remove" | "replace";
      readonly systemFlags: number;
      readonly keywords: readonly string[];
      readonly unchangedSince?: number;
    };
    result: { readonly modified: readonly number[] };
  };
  expunge: {
    args: {
      readonly guid: string;
      readonly uids: readonly number[];
      readonly ifDeleted?: boolean;
    };
    result: undefined;
  };
  /** One new message for one old: RFC 8508. */
  replace: {
    args: {
      readonly guid: string;
      readonly uid: number;
      readonly targetFolder: string;
      readonly message: ReceivedMessage;
      readonly quota: QuotaLimits;
    };
    result: AppendedUids;
  };
  copy: {
    args: {
      readonly guid: string;
      readonly uids: readonly number[];
      readonly targetFolder: string;
      readonly quota: QuotaLimits;
      readonly isMove: boolean;
    };
    result: CopiedUids;
  };
  claimRecent: { args: { readonly guid: string }; result: { readonly uids: readonly number[] } };
  /** Reads what other programs did to the files; again while `isUnfinished`. */
  scan: { args: { readonly guid: string }; result: { readonly isUnfinished: boolean } };
  /** Brings the list of mailboxes in line with the folders on disk. */
  syncFolders: { args: Record<never, never>; result: undefined };
  createMailbox: {
    args: {
      readonly folders: readonly string[];
      readonly specialUse: readonly string[];
      readonly quota: QuotaLimits;
    };
    result: undefined;
  };
  setSpecialUse: {
    args: { readonly folder: string; readonly specialUse: readonly string[] };
    result: undefined;
  };
  /** The account's own, without a folder. */
  setAnnotations: {
    args: {
      readonly folder: string | undefined;
      readonly user: string;
      readonly changes: readonly AnnotationChange[];
    };
    result: undefined;
  };
  setRights: {
    args: { readonly folder: string; readonly identifier: string; readonly change: RightsChange };
    result: undefined;
  };
  /** Of a user who does not own the mailbox: set-seen.ts. */
  setSeen: {
    args: {
      readonly guid: string;
      readonly user: string;
      readonly uids: readonly number[];
      readonly isSeen: boolean;
    };
    result: undefined;
  };
  setSharer: {
    args: { readonly address: string; readonly isSharing: boolean };
    result: undefined;
  };
  /** Plain files that are not as the index left them: of one mailbox, or of the account. */
  followPlainFile: { args: { readonly folder: string | undefined }; result: undefined };
  /** The reader found this index damaged. */
  replaceIndex: { args: { readonly identity: string; readonly reason: string }; result: undefined };
  /** Writes down what finishRenames then does: two commits, so that a crash leaves no half. */
  renameMailbox: {
    args: { readonly fromFolder: string; readonly toFolder: string };
    result: undefined;
  };
  finishRenames: { args: Record<never, never>; result: undefined };
  deleteMailbox: { args: { readonly folder: string }; result: undefined };
  /** Those that are gone are passed over. */
  restoreExpunged: {
    args: { readonly ids: readonly string[]; readonly folder: string; readonly quota: QuotaLimits };
    result: { readonly messages: number };
  };
  restoreMailbox: { args: { readonly id: string; readonly folder: string }; result: undefined };
  setSubscribed: {
    args: { readonly name: string; readonly isSubscribed: boolean };
    result: undefined;
  };
  putDetails: {
    args: {
      readonly guid: string;
      /** With the size that was counted, where the file was read whole. */
      readonly details: readonly (DetailsRow & {
        readonly uid: number;
        readonly sizeBytes?: number;
        readonly sortKeys?: SortKeysRow;
      })[];
    };
    result: undefined;
  };
  putSortKeys: {
    args: {
      readonly guid: string;
      readonly keys: readonly (SortKeysRow & { readonly uid: number })[];
    };
    result: undefined;
  };
  packColumns: { args: { readonly guid: string }; result: undefined };
  /** The parts of a check, each a transaction of its own: check-account.ts runs them one after the other. */
  checkIndex: { args: { readonly table: string }; result: readonly string[] };
  checkTree: { args: CheckArgs; result: readonly string[] };
  checkMailbox: { args: CheckArgs & { readonly folder: string }; result: readonly string[] };
  checkListing: { args: CheckArgs & { readonly folder: string }; result: readonly string[] };
  checkMessages: {
    args: CheckArgs & { readonly folder: string; readonly afterUid: number };
    result: { readonly findings: readonly string[]; readonly nextUid: number | undefined };
  };
}

export interface CheckArgs {
  readonly repair: boolean;
}

export type JobName = keyof Jobs;

export interface JobRequest<Name extends JobName = JobName> {
  readonly number: number;
  readonly accountPath: string;
  readonly name: Name;
  readonly args: Jobs[Name]["args"];
}

/** One message back for everything that one commit made durable. */
export interface BatchReply {
  readonly accountPath: string;
  readonly indexIdentity: string | undefined;
  readonly hasChanged: boolean;
  readonly outcomes: readonly JobOutcome[];
}

export type JobOutcome =
  | { readonly number: number; readonly result: unknown }
  | {
      readonly number: number;
      readonly code: StoreErrorCode;
      readonly message: string;
      readonly isLocked: boolean;
    };

export interface WriterOptions {
  readonly mailDirectory: string;
  /** identityOf() the mail directory when the process began. */
  readonly mailRootIdentity: string | undefined;
  readonly host: string;
  /** For how long what is expunged can be brought back. */
  readonly expungedDays: number | undefined;
  readonly crashAt: string | undefined;
}

/** From the writer thread. */
export type WriterMessage =
  | { readonly kind: "reply"; readonly reply: BatchReply }
  | { readonly kind: "log"; readonly text: string };
