import {
  type Attempt,
  answersOf,
  type Delivery,
  expiryMs,
  nextAttemptMs,
  type Outcome,
  type PendingRecipient,
  type RetryPolicy,
  warningMs,
} from "@posthouse/queue";
import type { EventTrail, Logger } from "@posthouse/service";
import { knownAnswer, type Reply } from "@posthouse/smtp";
import type { DsnReporter } from "./dsn-reporter.ts";
import { limits } from "./limits.ts";
import { isToldOf, outcomeOf } from "./notification.ts";
import type { AttemptResult, RecipientResult } from "./recipient-result.ts";
import type { Suppression } from "./suppression.ts";

export interface SettleSettings {
  readonly policy: RetryPolicy;
  readonly reporter: DsnReporter;
  readonly suppression: Pick<Suppression, "note">;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly now: () => number;
}

interface Deferred {
  readonly pending: PendingRecipient;
  readonly result: RecipientResult;
}

/** What an attempt came to for one of the deliveries that it was for. */
export interface Part {
  readonly delivery: Delivery;
  readonly attempt: AttemptResult;
}

/**
 * Writes down what an attempt came to for each of its deliveries, which are of one entry; what became of each of
 * them, since one may fail and the others not. What the host said of all of them is on disk before anything else
 * is done: the time in which a crash would have it sent twice is that of one record.
 */
export async function settle(
  settings: SettleSettings,
  parts: readonly Part[],
): Promise<PromiseSettledResult<void>[]> {
  const all = parts.map((part) => ({
    ...part,
    ...sorted(settings, part.delivery, part.attempt),
    isRecorded: parts.length > 1,
  }));
  const [first] = parts;
  if (parts.length > 1) await first?.delivery.record(all.flatMap(({ outcomes }) => outcomes));
  const results: PromiseSettledResult<void>[] = [];
  for (const part of all) results.push(...(await Promise.allSettled([settleOne(settings, part)])));
  return results;
}

/**
 * Writes down what an attempt came to, tells the sender what he has to hear, and gives the delivery
 * back to the queue. The order is that of the table above Delivery: what happened is on disk before
 * anybody is told, and that he was told is on disk before the entry goes.
 */
async function settleOne(
  settings: SettleSettings,
  { delivery, ...ends }: Ends & { readonly delivery: Delivery },
): Promise<void> {
  const { attempt, outcomes } = ends;
  tellTrail(settings, delivery, attempt, outcomes);
  await writeDown(settings, delivery, ends);
  // Last, since it is only remembered: no mail is sent again because it could not be.
  await settings.suppression.note(delivery, outcomes);
}

interface Ends {
  readonly attempt: AttemptResult;
  readonly outcomes: readonly Outcome[];
  readonly deferred: readonly Deferred[];
  /** They are in the entry's file already. */
  readonly isRecorded: boolean;
}

async function writeDown(
  settings: SettleSettings,
  delivery: Delivery,
  { attempt, outcomes, deferred, isRecorded }: Ends,
): Promise<void> {
  // Nothing was tried when only a notification was left to do.
  const kept = attempt.results.length === 0 ? undefined : keptOf(attempt);
  const untold = [...delivery.untold, ...outcomes.filter(({ tellsSender }) => tellsSender)];
  if (deferred.length === 0 && untold.length === 0) {
    return await delivery.finish(isRecorded ? [] : outcomes, kept);
  }

  if (!isRecorded) await delivery.record(outcomes);
  const isTold = await told(settings, delivery, untold);
  await warn(settings, delivery, deferred);
  if (deferred.length > 0) return await defer(settings, delivery, { deferred, attempt });
  if (kept !== undefined) await delivery.keepAttempt(kept);
  if (isTold) return await delivery.finish();
  await delivery.defer(settings.now() + limits.notifyAgainMs, []);
}

function sorted(
  { policy, now }: SettleSettings,
  delivery: Delivery,
  { results }: AttemptResult,
): { outcomes: Outcome[]; deferred: Deferred[] } {
  const { envelope } = delivery.entry;
  const isOverdue = now() >= expiryMs(policy, envelope);
  const isSendersTime = envelope.deliverBy?.mode === "R" && now() >= envelope.deliverBy.atMs;
  const expiry = isSendersTime ? "too-late-for-its-sender" : isOverdue ? "given-up" : "in-time";
  const resultOf = new Map(results.map((result) => [result.recipient, result]));
  const outcomes: Outcome[] = [];
  const deferred: Deferred[] = [];
  for (const pending of delivery.recipients) {
    const result = resultOf.get(pending.recipient);
    if (result === undefined) continue;
    const outcome = outcomeOf(envelope, pending, result, expiry);
    if (outcome === undefined) deferred.push({ pending, result });
    else outcomes.push(outcome);
  }
  return { outcomes, deferred };
}

/** False when the notification could not be queued now: then the entry stays for it. */
async function told(
  { reporter, log }: SettleSettings,
  delivery: Delivery,
  untold: readonly Outcome[],
): Promise<boolean> {
  if (untold.length === 0) return true;
  try {
    await reporter.reportEnds(delivery, untold);
    await delivery.recordNotified(
      "final",
      untold.map(({ recipient }) => recipient),
    );
    return true;
  } catch (err) {
    log.warn({ err, messageId: delivery.entry.envelope.messageId }, "Cannot queue a DSN now");
    return false;
  }
}

/** Once a recipient. A warning that cannot be queued is tried again at the next attempt. */
async function warn(
  { policy, reporter, log, now }: SettleSettings,
  delivery: Delivery,
  deferred: readonly Deferred[],
): Promise<void> {
  const { envelope, warned } = delivery.entry;
  if (now() < warningMs(policy, envelope)) return;
  const unwarned = deferred.filter(
    ({ pending }) => !warned.has(pending.recipient) && isToldOf("delayed", envelope, pending),
  );
  if (unwarned.length === 0) return;
  try {
    const results = unwarned.map(({ result }) => result);
    await reporter.reportDelay(delivery, results, expiryMs(policy, envelope));
    await delivery.recordNotified(
      "delay",
      results.map(({ recipient }) => recipient),
    );
  } catch (err) {
    log.warn({ err, messageId: envelope.messageId }, "Cannot queue a warning of delay now");
  }
}

async function defer(
  { policy, events, log, now }: SettleSettings,
  delivery: Delivery,
  {
    deferred,
    attempt,
  }: { readonly deferred: readonly Deferred[]; readonly attempt: AttemptResult },
): Promise<void> {
  const { envelope } = delivery.entry;
  const attempts = delivery.attempts + 1;
  const patience = attempt.isDeliveryDown ? soonFirst(policy) : policy;
  const dueMs = nextAttemptMs(patience, envelope, { attempts, nowMs: now() });
  for (const { pending, result } of deferred) {
    const reason = inOneLine(result.reply);
    events.record({
      type: "deferred",
      messageId: envelope.messageId,
      recipient: pending.address,
      reason,
      ...causeOf(result.reply),
      ...(result.remoteHost !== undefined && { host: result.remoteHost }),
      nextAttemptAtMs: dueMs,
      attempts,
    });
    log.info({ messageId: envelope.messageId, recipient: pending.address, reason }, "Deferred");
  }
  const replies = deferred.map(({ result: { recipient, reply, remoteHost } }) => ({
    recipient,
    reply,
    ...(remoteHost !== undefined && { remoteHost }),
  }));
  // Asked in one turn, so that both are one transaction of the index.
  await Promise.all([delivery.keepAttempt(keptOf(attempt), dueMs), delivery.defer(dueMs, replies)]);
}

const keptOf = ({ tries = [], results }: AttemptResult): Attempt => ({
  tries,
  answers: answersOf(results),
});

/** A part of our own that is down is back in seconds, as a rule; so its mail need not wait for minutes. */
const soonFirst = (policy: RetryPolicy): RetryPolicy => ({
  ...policy,
  firstWaitMs: Math.min(limits.deliveryDownWaitMs, policy.firstWaitMs),
  waitMsMax: policy.firstWaitMs,
});

const eventOf = { delivered: "handed-over", relayed: "relayed", failed: "bounced" } as const;

function tellTrail(
  { events, log }: SettleSettings,
  delivery: Delivery,
  attempt: AttemptResult,
  outcomes: readonly Outcome[],
): void {
  const { envelope } = delivery.entry;
  const { tls } = attempt;
  tellDialogues(events, envelope.messageId, attempt);
  for (const { recipient, status, reply, remoteHost, tellsSender = false } of outcomes) {
    const fields = {
      messageId: envelope.messageId,
      recipient: envelope.recipients[recipient]?.address ?? "",
      reply: inOneLine(reply),
      ...(remoteHost !== undefined && { host: remoteHost }),
      ...(tls !== undefined && { tls }),
    };
    events.record({
      type: eventOf[status],
      ...fields,
      ...(status === "failed" && { isSenderTold: tellsSender, ...causeOf(reply) }),
    });
    if (status !== "failed") log.info(fields, status === "relayed" ? "Relayed" : "Delivered");
    else if (tellsSender) log.info(fields, "Failed for good; the sender is told");
    else log.warn(fields, "Failed for good, and nobody is to be told: dropped");
  }
}

/** Of an attempt that was not all success; of the others it is known how it went. */
function tellDialogues(
  events: EventTrail,
  messageId: string,
  { tries = [], results }: AttemptResult,
): void {
  if (results.every(({ reply }) => reply.code < 400)) return;
  for (const { host, address, tls, problem, dialogue } of tries.slice(-limits.triesToldMax)) {
    events.record({ type: "tried", messageId, host, address, tls, problem, dialogue });
  }
}

/** For the metrics and the trail: what the answer is known to mean, in one word. */
function causeOf(reply: Reply): { readonly cause?: string } {
  const known = knownAnswer(reply);
  return known === undefined ? {} : { cause: known.id };
}

function inOneLine({ code, enhanced, text }: Reply): string {
  return [code, enhanced, text.slice(0, limits.replyCharsMax).replaceAll("\n", " ")]
    .filter((part) => part !== undefined && part !== "")
    .join(" ");
}
