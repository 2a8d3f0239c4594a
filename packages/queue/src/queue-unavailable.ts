/** The spool cannot take it now: disk full or no rights. 452 4.3.1 in SMTP. */
export class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}
