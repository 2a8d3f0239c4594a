export { type Attempt, answersOf, type HostTry, type KeptAttempt } from "./attempt.ts";
export type { CheckReport } from "./check.ts";
export { Delivery, LeaseLost, type PendingRecipient } from "./delivery.ts";
export { type Destination, destinationOf, LOCAL } from "./destination.ts";
export { explain } from "./explain.ts";
export { explainAttempts } from "./explain-attempts.ts";
export { meaningOfCause, replyInWords } from "./in-words.ts";
export type { LastReply } from "./index-database.ts";
export { INDEX_VERSION as queueIndexVersion } from "./index-schema.ts";
export type { FinalStatus, Outcome } from "./outcome.ts";
export {
  type AdminResult,
  type Claim,
  type ClaimOptions,
  type Companion,
  openQueue,
  type Queue,
  type QueueOptions,
} from "./queue.ts";
export type { QueueEntryDetail, QueueRecipient } from "./queue-entry.ts";
export {
  openQueueWriter,
  type QueueDraft,
  type QueuedEntry,
  QueueUnavailable,
  type QueueWriter,
  type QueueWriterOptions,
} from "./queue-writer.ts";
export { expiryMs, nextAttemptMs, type RetryPolicy, warningMs } from "./retry.ts";
export type { ScanReport } from "./scan.ts";
export type { SpoolEntry } from "./spool-file.ts";
export {
  type Bounce,
  type BouncedAddress,
  isAboutAddress,
  type SuppressionPolicy,
  suppressedUntilMs,
} from "./suppression.ts";
