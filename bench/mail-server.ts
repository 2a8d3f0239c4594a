/** One of the two that are measured, ready to take mail for user1@example.test to user50@example.test. */
export interface MailServer extends AsyncDisposable {
  readonly name: string;
  readonly smtpPort: number;
  /** STARTTLS and AUTH; 0 where it was not asked for. */
  readonly submissionPort: number;
  /** Where the Maildir of an account is: messages are counted in its new/ and cur/. */
  maildirOf(account: string): string;
  /** Of whoever takes mail out of the queue; undefined where nobody does. */
  senderPid?(): Promise<number>;
  /** Every process of it, for its memory. */
  pids(): Promise<readonly number[]>;
}

export const DOMAIN = "example.test";
export const accounts = Array.from({ length: 50 }, (_, index) => `user${index + 1}`);
