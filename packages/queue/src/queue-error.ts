/** What an administrator asked cannot be done; the message is one sentence for him. */
export class QueueError extends Error {
  override readonly name = "QueueError";
}
