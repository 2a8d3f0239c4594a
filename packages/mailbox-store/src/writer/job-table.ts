import { checkIndex } from "./check/check-index.ts";
import { checkListing } from "./check/check-listing.ts";
import { checkMailbox } from "./check/check-mailbox.ts";
import { checkMessages } from "./check/check-messages.ts";
import { checkTree } from "./check/check-tree.ts";
import { followPlainFile, setAnnotations } from "./jobs/annotations.ts";
import { append } from "./jobs/append.ts";
import { changeFlags } from "./jobs/change-flags.ts";
import { claimRecent } from "./jobs/claim-recent.ts";
import { copy } from "./jobs/copy.ts";
import { expunge } from "./jobs/expunge.ts";
import { createMailbox, deleteMailbox, finishRenames, renameMailbox } from "./jobs/mailboxes.ts";
import { tidyAccount } from "./jobs/open.ts";
import { packMailbox } from "./jobs/pack-columns.ts";
import { putDetails } from "./jobs/put-details.ts";
import { putSortKeys } from "./jobs/put-sort-keys.ts";
import { replace } from "./jobs/replace.ts";
import { replaceIndex } from "./jobs/replace-index.ts";
import { restoreExpunged, restoreMailbox } from "./jobs/restore-expunged.ts";
import { setRights } from "./jobs/rights.ts";
import { scan } from "./jobs/scan.ts";
import { setSeen } from "./jobs/set-seen.ts";
import { setSubscribed } from "./jobs/set-subscribed.ts";
import { setSharer } from "./jobs/sharers.ts";
import { setSpecialUse } from "./jobs/special-use.ts";
import { syncFolders } from "./jobs/sync-folders.ts";
import type { JobName, JobRequest, Jobs } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

type TransactionJob = Exclude<JobName, "removeAccount">;

/** Everything that is done inside a transaction: the table of contents of this thread. */
const jobs: {
  readonly [Name in TransactionJob]: (
    transaction: Transaction,
    args: Jobs[Name]["args"],
  ) => unknown;
} = {
  open: tidyAccount,
  // Messages
  append,
  changeFlags,
  expunge,
  replace,
  restoreExpunged,
  copy,
  claimRecent,
  putDetails,
  putSortKeys,
  packColumns: packMailbox,
  // What others did
  scan,
  syncFolders,
  followPlainFile,
  replaceIndex,
  checkIndex,
  checkTree,
  checkMailbox,
  checkListing,
  checkMessages,
  // Mailboxes
  createMailbox,
  renameMailbox,
  finishRenames,
  deleteMailbox,
  restoreMailbox,
  setSubscribed,
  setSpecialUse,
  setAnnotations,
  setRights,
  // What is shared
  setSeen,
  setSharer,
};

/** These move folders about, and share their transaction with nobody. */
const aloneJobs: ReadonlySet<JobName> = new Set([
  "open",
  "syncFolders",
  "replaceIndex",
  "checkIndex",
  "checkTree",
  "checkMailbox",
  "checkListing",
  "checkMessages",
  "createMailbox",
  "renameMailbox",
  "finishRenames",
  "deleteMailbox",
  "restoreMailbox",
]);

export function runsAlone(name: JobName): boolean {
  return aloneJobs.has(name);
}

export function jobOf(request: JobRequest): (transaction: Transaction) => unknown {
  const run = jobs[request.name as TransactionJob] as (
    transaction: Transaction,
    args: unknown,
  ) => unknown;
  return (transaction) => run(transaction, request.args);
}
