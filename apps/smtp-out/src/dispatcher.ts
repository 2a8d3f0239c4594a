import { setTimeout as delay } from "node:timers/promises";
import {
  type Claim,
  type ClaimOptions,
  type Companion,
  type Delivery,
  type Destination,
  LeaseLost,
  LOCAL,
  type Queue,
} from "@posthouse/queue";
import type { EventTrail, Logger } from "@posthouse/service";
import type { CompanionFinder, Companions } from "./companions.ts";
import { limits } from "./limits.ts";
import type { Pace } from "./pace.ts";
import type { AttemptResult, Carrier, RecipientResult } from "./recipient-result.ts";
import type { Part } from "./settle.ts";
import type { Suppression } from "./suppression.ts";

export interface DispatcherSettings {
  readonly queue: Queue;
  readonly carrierFor: (destination: Destination) => Carrier;
  readonly settle: (parts: readonly Part[]) => Promise<PromiseSettledResult<void>[]>;
  readonly companions: Pick<CompanionFinder, "claimFor" | "sort">;
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

/** A delivery that is about to be sent, and to whom of its recipients. */
interface Ready extends Companion {
  readonly sent: Delivery["recipients"];
  readonly heldBack: readonly RecipientResult[];
}

/** What became of a delivery that was to be carried. */
interface Carried {
  readonly state?: AttemptResult["destination"];
  /** What it came to is on disk, or put off; it does not fail. */
  readonly settled: Promise<void>;
}

/**
 * Claims what is due, destination by destination, within the limits on connections, and sleeps until
 * it is poked, something ends, or the next delivery falls due.
 */
export class Dispatcher {
  readonly #settings: DispatcherSettings;
  /** Claims under way of destinations of which no host answered last time. */
  #suspects = 0;
  /** Claims under way whose hosts have not answered for a while. */
  readonly #silent = new Set<Carrier>();
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
        else this.#begin(claim, await this.#settings.companions.claimFor(claim));
      } catch (err) {
        this.#settings.log.error({ err }, "Cannot read the queue; trying again soon");
        await this.#until(limits.troubleWaitMs);
      }
    }
  }

  #begin(claim: Claim, companions: Companions): void {
    const { destination } = claim;
    const carrier = this.#settings.carrierFor(destination);
    this.#carriers.add(carrier);
    const suspects = claim.failures > 0 ? 1 : 0;
    this.#suspects += suspects;
    this.#settings.pace.begin(destination);
    const listening = setInterval(() => this.#listenTo(carrier), limits.silentAfterMs);
    const task = this.#carryAll(claim, companions, carrier)
      .catch((err: unknown) =>
        this.#settings.log.error({ err, destination }, "A delivery broke off"),
      )
      .finally(() => {
        clearInterval(listening);
        this.#silent.delete(carrier);
        this.#suspects -= suspects;
        this.#settings.pace.end(destination);
        this.#tasks.delete(task);
        this.wake();
      });
    this.#tasks.add(task);
  }

  /** Whether it still waits for a host; who gets its answer late is one of the deliveries again. */
  #listenTo(carrier: Carrier): void {
    if (carrier.isConnected ?? true) this.#silent.delete(carrier);
    else if (this.#silent.size < limits.silentMax && !this.#silent.has(carrier)) {
      this.#silent.add(carrier);
      this.wake();
    }
  }

  async #carryAll(
    { destination, deliveries, failures }: Claim,
    claimed: Companions,
    carrier: Carrier,
  ): Promise<void> {
    let last: AttemptResult["destination"];
    let settled = Promise.resolve();
    try {
      const sorted = await this.#sorted(carrier, { destination, deliveries }, claimed);
      for (const delivery of deliveries) {
        if (this.#isClosing || !this.#settings.pace.mayGo(destination)) break;
        const companions = sorted.get(delivery) ?? [];
        const carried = await this.#carry(carrier, { destination, delivery }, companions, settled);
        last = carried.state ?? last;
        settled = carried.settled;
      }
      await settled;
      if (last === "down") await this.#settings.queue.noteDestination(destination, "down");
      else if (last !== undefined && failures > 0) {
        await this.#settings.queue.noteDestination(destination, "up");
      }
    } finally {
      await settled;
      // What is over already takes no notice of it.
      for (const delivery of deliveries) await delivery.release();
      for (const { delivery } of [...claimed.values()].flat()) await delivery.release();
      this.#carriers.delete(carrier);
      await carrier[Symbol.asyncDispose]();
    }
  }

  /** Who goes with whom. Mail that only went back after a fault here would be due again at once, for ever. */
  async #sorted(
    carrier: Carrier,
    { destination, deliveries }: Pick<Claim, "destination" | "deliveries">,
    claimed: Companions,
  ): Promise<Companions> {
    try {
      return await this.#settings.companions.sort(carrier, destination, claimed);
    } catch (err) {
      const companions = [...claimed.values()].flat().map(({ delivery }) => delivery);
      for (const delivery of [...deliveries, ...companions]) {
        if (!delivery.isLost) await this.#putOff(delivery, err);
      }
      throw err;
    }
  }

  /**
   * `previous`: what the one before it came to is on disk. Its transaction begins before that, and does not end
   * before it: so a crash has one message of a connection sent again at most (RFC 5321 §4.2.5).
   */
  async #carry(
    carrier: Carrier,
    first: Companion,
    companions: readonly Companion[],
    previous: Promise<void>,
  ): Promise<Carried> {
    const { destination, delivery } = first;
    if (delivery.isLost) return { settled: previous };
    try {
      const ready = await this.#readied(first);
      if (ready === undefined) return { settled: previous };
      const all = [ready, ...(await this.#allReadied(companions))] as const;
      for (const one of all) this.#tellAttempt(one);
      const attempt = await carrier.carry(
        delivery,
        all.flatMap(({ sent }) => sent),
        previous,
      );
      this.#settings.pace.note(destination, attempt.destination);
      await previous;
      return { state: attempt.destination, settled: this.#end(all, attempt) };
    } catch (err) {
      await this.#breakOff(delivery, err);
      return { settled: previous };
    }
  }

  /** It does not fail. */
  async #end(all: readonly [Ready, ...Ready[]], attempt: AttemptResult): Promise<void> {
    const [{ delivery }, ...companions] = all;
    try {
      // What the remote host said is true and is kept, also when we are closing; silence is no attempt then.
      if (this.#isGivenUp(attempt)) await delivery.release();
      else await this.#settle(all, attempt);
      if (attempt.destination !== "down") return;
      for (const companion of companions) {
        await this.#settings.queue.noteDestination(companion.destination, "down");
      }
    } catch (err) {
      await this.#breakOff(delivery, err);
    }
  }

  async #breakOff(delivery: Delivery, err: unknown): Promise<void> {
    if (!(err instanceof LeaseLost)) return await this.#putOff(delivery, err);
    const { messageId } = delivery.entry.envelope;
    this.#settings.log.warn({ messageId }, "Stopped: the lease on it ended");
  }

  /** Undefined when nothing of it is to be sent now, and that is written down. */
  async #readied({ destination, delivery }: Companion): Promise<Ready | undefined> {
    const { events, log, suppression } = this.#settings;
    const { messageId } = delivery.entry.envelope;
    if (delivery.recipients.length === 0) {
      await this.#settleOne({ delivery, attempt: { results: [] } });
      return undefined;
    }
    const rule = this.#settings.holdRuleFor(delivery.entry);
    if (rule !== undefined && (await delivery.hold(rule))) {
      events.record({ type: "held", messageId, rule });
      log.info({ messageId, rule }, "Put on hold by a rule");
      return undefined;
    }
    const { sent, heldBack } = await suppression.sort(destination, delivery);
    if (sent.length === 0) {
      await this.#settleOne({ delivery, attempt: { results: heldBack } });
      return undefined;
    }
    return { destination, delivery, sent, heldBack };
  }

  /** Those that may go now; a fault with one of them is no fault of the others. */
  async #allReadied(companions: readonly Companion[]): Promise<Ready[]> {
    const all: Ready[] = [];
    for (const companion of companions) {
      if (companion.delivery.isLost) continue;
      try {
        const ready = await this.#readied(companion);
        if (ready !== undefined) all.push(ready);
      } catch (err) {
        await this.#putOff(companion.delivery, err);
      }
    }
    return all;
  }

  /** Each delivery hears of its own recipients. */
  async #settle(all: readonly Ready[], attempt: AttemptResult): Promise<void> {
    const parts = all.map(({ delivery, sent, heldBack }) => {
      const own = new Set(sent.map(({ recipient }) => recipient));
      const results = attempt.results.filter(({ recipient }) => own.has(recipient));
      return { delivery, attempt: { ...attempt, results: [...heldBack, ...results] } };
    });
    let settled: PromiseSettledResult<void>[];
    try {
      settled = await this.#settings.settle(parts);
    } catch (err) {
      for (const { delivery } of all.slice(1)) await this.#putOff(delivery, err);
      throw err;
    }
    for (const [n, result] of settled.entries()) {
      const delivery = all[n]?.delivery;
      if (result.status === "rejected" && delivery !== undefined) {
        await this.#putOff(delivery, result.reason);
      }
    }
  }

  async #settleOne(part: Part): Promise<void> {
    const [result] = await this.#settings.settle([part]);
    if (result?.status === "rejected") throw result.reason;
  }

  #tellAttempt({ destination, delivery, sent }: Ready): void {
    this.#settings.events.record({
      type: "attempt",
      messageId: delivery.entry.envelope.messageId,
      destination: destination === LOCAL ? "local" : destination,
      recipients: sent.map(({ address }) => address),
      attempt: delivery.attempts + 1,
      sizeBytes: delivery.entry.messageBytes,
    });
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
    return this.#tasks.size - this.#silent.size >= this.#settings.deliveriesMax;
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
    const soonestMs = performance.now() + limits.lookMsMin;
    const { pace, queue, lookMsMax, now } = this.#settings;
    const dueMs = await queue.nextDueMs(this.#wish());
    const untilDueMs = dueMs === undefined ? lookMsMax : Math.max(0, dueMs - now());
    await this.#until(Math.min(untilDueMs, pace.nextTokenMs() ?? lookMsMax, lookMsMax));
    const restMs = soonestMs - performance.now();
    if (restMs > 0) await delay(restMs);
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
