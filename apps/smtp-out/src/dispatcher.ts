import {
  type Claim,
  type ClaimOptions,
  type Delivery,
  type Destination,
  LeaseLost,
  LOCAL,
  type Queue,
} from "@posthouse/queue";
import type { EventTrail, Logger } from "@posthouse/service";
import { limits } from "./limits.ts";
import type { Pace } from "./pace.ts";
import type { AttemptResult, Carrier } from "./recipient-result.ts";
import type { Suppression } from "./suppression.ts";

export interface DispatcherSettings {
  readonly queue: Queue;
  readonly carrierFor: (destination: Destination) => Carrier;
  readonly settle: (delivery: Delivery, attempt: AttemptResult) => Promise<void>;
  readonly deliveriesMax: number;
  /** The rule of the administrator that stops an entry, if any. */
  readonly holdRuleFor: (entry: Delivery["entry"]) => string | undefined;
  readonly suppression: Pick<Suppression, "sort">;
  readonly pace: Pace;
  /** Sending to other hosts is switched off. */
  readonly isLocalOnly: boolean;
  /** It looks at the queue at least so often, also when nobody wakes it. */
  readonly lookMsMax: number;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Claims what is due, destination by destination, within the limits on connections, and sleeps until
 * it is poked, something ends, or the next delivery falls due.
 */
export class Dispatcher {
  readonly #settings: DispatcherSettings;
  /** Claims under way of destinations of which no host answered last time. */
  #suspects = 0;
  readonly #carriers = new Set<Carrier>();
  readonly #tasks = new Set<Promise<void>>();
  #isClosing = false;
  #alarm = Promise.withResolvers<void>();
  #loop: Promise<void> | undefined;

  constructor(settings: DispatcherSettings) {
    this.#settings = settings;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Looks at the queue now. */
  wake(): void {
    this.#alarm.resolve();
  }

  /**
   * Claims no more, gives back what was not begun, and lets transactions under way hear their last
   * reply for a moment; then they are given up, and their mail is tried again by the next process.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.wake();
    const over = Promise.allSettled([this.#loop, ...this.#tasks]);
    await atMost(limits.closeWaitMs, over);
    for (const carrier of this.#carriers) carrier.abort();
    await atMost(limits.abortWaitMs, over);
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      try {
        this.#alarm = Promise.withResolvers<void>();
        const claim = this.#isFull()
          ? undefined
          : await this.#settings.queue.claimDue(this.#wish());
        if (claim === undefined) await this.#sleep();
        else this.#begin(claim);
      } catch (err) {
        this.#settings.log.error({ err }, "Cannot read the queue; trying again soon");
        await this.#until(limits.troubleWaitMs);
      }
    }
  }

  #begin(claim: Claim): void {
    const { destination } = claim;
    const suspects = claim.failures > 0 ? 1 : 0;
    this.#suspects += suspects;
    this.#settings.pace.begin(destination);
    const task = this.#carryAll(claim)
      .catch((err: unknown) =>
        this.#settings.log.error({ err, destination }, "A delivery broke off"),
      )
      .finally(() => {
        this.#suspects -= suspects;
        this.#settings.pace.end(destination);
        this.#tasks.delete(task);
        this.wake();
      });
    this.#tasks.add(task);
  }

  async #carryAll({ destination, deliveries, failures }: Claim): Promise<void> {
    const carrier = this.#settings.carrierFor(destination);
    this.#carriers.add(carrier);
    let last: AttemptResult["destination"];
    try {
      for (const delivery of deliveries) {
        if (this.#isClosing || !this.#settings.pace.mayGo(destination)) break;
        last = (await this.#carry(carrier, destination, delivery)) ?? last;
      }
      if (last === "down") await this.#settings.queue.noteDestination(destination, "down");
      else if (last !== undefined && failures > 0) {
        await this.#settings.queue.noteDestination(destination, "up");
      }
    } finally {
      // What is over already takes no notice of it.
      for (const delivery of deliveries) await delivery.release();
      this.#carriers.delete(carrier);
      await carrier[Symbol.asyncDispose]();
    }
  }

  async #carry(
    carrier: Carrier,
    destination: Destination,
    delivery: Delivery,
  ): Promise<AttemptResult["destination"]> {
    const { events, log, pace, settle } = this.#settings;
    const { messageId } = delivery.entry.envelope;
    if (delivery.isLost) return undefined;
    try {
      if (delivery.recipients.length === 0) {
        await settle(delivery, { results: [] });
        return undefined;
      }
      const rule = this.#settings.holdRuleFor(delivery.entry);
      if (rule !== undefined && (await delivery.hold(rule))) {
        events.record({ type: "held", messageId, rule });
        log.info({ messageId, rule }, "Put on hold by a rule");
        return undefined;
      }
      const { sent, heldBack } = await this.#settings.suppression.sort(destination, delivery);
      if (sent.length === 0) {
        await settle(delivery, { results: heldBack });
        return undefined;
      }
      events.record({
        type: "attempt",
        messageId,
        destination: destination === LOCAL ? "local" : destination,
        recipients: sent.map(({ address }) => address),
        attempt: delivery.attempts + 1,
        sizeBytes: delivery.entry.messageBytes,
      });
      const attempt = await carrier.carry(delivery, sent);
      // What the remote host said is true and is kept, also when we are closing; silence is no attempt then.
      if (this.#isGivenUp(attempt)) await delivery.release();
      else await settle(delivery, { ...attempt, results: [...heldBack, ...attempt.results] });
      pace.note(destination, attempt.destination);
      return attempt.destination;
    } catch (err) {
      if (err instanceof LeaseLost) log.warn({ messageId }, "Stopped: the lease on it ended");
      else await this.#putOff(delivery, err);
      return undefined;
    }
  }

  #isGivenUp({ results }: AttemptResult): boolean {
    return this.#isClosing && results.every(({ reply }) => reply.code >= 400 && reply.code < 500);
  }

  /** Something of our own failed: the spool, the index, or our code. The mail waits. */
  async #putOff(delivery: Delivery, err: unknown): Promise<void> {
    const { log, now } = this.#settings;
    const { messageId } = delivery.entry.envelope;
    log.error({ err, messageId }, "Cannot deliver because of a fault here; trying again soon");
    const text = err instanceof Error ? err.message : String(err);
    const reply = { code: 451, enhanced: "4.3.0", text: `A fault on this host: ${text}` };
    await delivery.defer(
      now() + limits.notifyAgainMs,
      delivery.recipients.map(({ recipient }) => ({ recipient, reply })),
    );
  }

  #isFull(): boolean {
    return this.#tasks.size >= this.#settings.deliveriesMax;
  }

  #wish(): ClaimOptions {
    return {
      deliveriesMax: limits.deliveriesPerClaimMax,
      busy: this.#settings.pace.busy(),
      isLocalOnly: this.#settings.isLocalOnly,
      areSuspectsLeft: this.#suspects >= this.#settings.deliveriesMax * limits.suspectsPart,
    };
  }

  async #sleep(): Promise<void> {
    if (this.#isFull()) return await this.#until(limits.wakeMsMax);
    const { pace, queue, lookMsMax, now } = this.#settings;
    const dueMs = await queue.nextDueMs(this.#wish());
    const untilDueMs = dueMs === undefined ? lookMsMax : Math.max(0, dueMs - now());
    await this.#until(Math.min(untilDueMs, pace.nextTokenMs() ?? lookMsMax, lookMsMax));
  }

  /** Until an alarm, or so long. An alarm of before counts: it may be about what was just missed. */
  async #until(waitMs: number): Promise<void> {
    const timer = setTimeout(() => this.wake(), waitMs);
    await this.#alarm.promise;
    clearTimeout(timer);
  }
}

async function atMost(waitMs: number, over: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, waitMs);
  await Promise.race([over, late.promise]);
  clearTimeout(timer);
}
