export {
  type QueueDraft,
  type QueuedEntry,
  QueueUnavailable,
  type QueueWriter,
} from "./queue-writer.ts";
