import { type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import { type SpoolItem, SpoolRunner } from "@posthouse/file-spool";
import { type ImapEvent, imapEventLimits, parseEvent } from "@posthouse/imap-events";
import { StoreError } from "@posthouse/mailbox-store";
import { MailNotQueued } from "../filter/outgoing-mail.ts";
import { limits } from "../limits.ts";
import type { EventRunOptions } from "./run-event.ts";

export interface StoredScriptsOptions extends EventRunOptions {
  readonly auth: Pick<AuthClient, "findAccount">;
  /** Where imap writes down what happened. */
  readonly directory: string;
}

/**
 * Runs the scripts that IMAP starts (RFC 6785), account by account, each in the order of its events. What cannot be
 * done now, such as with the queue away, is tried again until it is too old.
 */
export function storedScripts(options: StoredScriptsOptions): SpoolRunner<ImapEvent> {
  return new SpoolRunner({
    directory: options.directory,
    bytesMax: imapEventLimits.eventBytesMax,
    parse: parseEvent,
    laneOf: ({ account }) => account,
    run: (event, item) => run(options, event, item),
    lanesMax: limits.storedLanesMax,
    retryMs: limits.storedRetryMs,
    retryMsMax: limits.storedRetryMsMax,
    log: options.log,
  });
}

async function run(
  options: StoredScriptsOptions,
  event: ImapEvent,
  { name, writtenMs, signal }: SpoolItem,
): Promise<boolean> {
  try {
    const account = await options.auth.findAccount(event.account);
    if (account !== undefined) {
      // With it comes the filter language, which most hosts never need.
      const { runEvent } = await import("./run-event.ts");
      await runEvent(options, { account, event, name, signal });
    }
    return true;
  } catch (err) {
    const isForNow =
      err instanceof AuthUnavailable ||
      err instanceof MailNotQueued ||
      (err instanceof StoreError && err.code === "unavailable");
    if (!isForNow || Date.now() - writtenMs > limits.storedEventMs) throw err;
    const about = { account: event.account, mailbox: event.mailbox, script: event.script };
    options.log.warn({ err, ...about }, "A script of a mailbox cannot be run now");
    return false;
  }
}
