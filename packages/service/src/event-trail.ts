import { appendFile, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** What can happen to a message, or to somebody who reads it. The story that `posthouse trace` tells. */
export type EventType =
  /** smtp-in answered 250 to end of data. */
  | "accepted"
  /** smtp-in or lmtp-delivery answered 4yz or 5yz. */
  | "refused"
  /** smtp-in looked at a message from outside: who stands behind it, and what filters say. */
  | "checked"
  /** Taken by a mailing list: what its members get is a message of its own. */
  | "posted"
  /** Handed to the queue, in part or whole. */
  | "queued"
  /** Handed to lmtp-delivery, and answered. */
  | "handed-over"
  /** In a mailbox. */
  | "delivered"
  /** A filter wanted nobody to have it, or could not be run. */
  | "discarded"
  | "filter-failed"
  /** smtp-out begins to try. */
  | "attempt"
  /** One host of an attempt that was no success: address, TLS, the last lines of the dialogue. */
  | "tried"
  /** The next host took it. */
  | "relayed"
  /** Not now: with the reason and the next time. */
  | "deferred"
  /** Given up: a DSN goes to the sender, or nobody can be told. */
  | "bounced"
  /** A DSN was composed. */
  | "reported"
  /** An administrator did something to it; "held" also a rule of his. */
  | "held"
  | "resumed"
  | "scheduled"
  | "removed"
  | "retried"
  | "login"
  | "login-refused"
  /** A source is turned away from now on, with the reason. */
  | "banned"
  | "logout"
  | "appended"
  | "expunged";

/** One line of the trail. Version 1: fields may be added, none may change its meaning. */
export interface EventRecord {
  readonly type: EventType;
  /** Our id of the message; absent where there is none, as at a login. */
  readonly messageId?: string;
  readonly [field: string]: string | number | boolean | readonly string[] | undefined;
}

export interface EventTrail extends AsyncDisposable {
  /** Never throws and never waits: a trail that cannot be written is a log line, not a lost message. */
  record(event: EventRecord): void;
  /** Everything recorded so far is in the file when it resolves. */
  flush(): Promise<void>;
}

/** Events gather for this long and are written together. */
const GATHER_MS = 20;
/** More than this unwritten is dropped with a complaint: the disk does not take it. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Appends to `<directory>/<day>.<app>.<pid>.jsonl`, one JSON object a line, UTC days. Files older than
 * `keepDays` are removed when a new day begins.
 */
export function openEventTrail(options: {
  readonly directory: string;
  readonly app: string;
  readonly keepDays: number;
  readonly complain: (error: unknown) => void;
  readonly now?: () => number;
}): EventTrail {
  const now = options.now ?? Date.now;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let lastDay = "";

  async function write(): Promise<void> {
    if (waiting.length === 0) return;
    const text = waiting.join("");
    waiting = [];
    waitingBytes = 0;
    const day = new Date(now()).toISOString().slice(0, 10);
    try {
      if (day !== lastDay) {
        lastDay = day;
        await mkdir(options.directory, { recursive: true });
        await removeOldFiles(options.directory, now() - options.keepDays * 86_400_000);
      }
      await appendFile(
        join(options.directory, `${day}.${options.app}.${process.pid}.jsonl`),
        text,
        {
          mode: 0o640,
        },
      );
    } catch (error) {
      options.complain(error);
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  }

  return {
    record(event) {
      if (waitingBytes > WAITING_BYTES_MAX) return;
      const line = `${JSON.stringify({ v: 1, atMs: now(), app: options.app, ...event })}\n`;
      waiting.push(line);
      waitingBytes += line.length;
      timer ??= setTimeout(() => void flush(), GATHER_MS);
    },
    flush,
    [Symbol.asyncDispose]: flush,
  };
}

async function removeOldFiles(directory: string, olderThanMs: number): Promise<void> {
  const oldest = new Date(olderThanMs).toISOString().slice(0, 10);
  for (const name of await readdir(directory)) {
    if (!name.endsWith(".jsonl") || name.slice(0, 10) >= oldest) continue;
    try {
      await rm(join(directory, name), { force: true });
    } catch (error) {
      // Of an app of another user, in a sticky directory: that one removes its own.
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
    }
  }
}
