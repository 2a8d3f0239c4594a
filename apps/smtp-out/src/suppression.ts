import {
  type BouncedAddress,
  type Delivery,
  type Destination,
  isAboutAddress,
  LOCAL,
  type Outcome,
  type PendingRecipient,
  type Queue,
  replyInWords,
  type SuppressionPolicy,
  suppressedUntilMs,
} from "@posthouse/queue";
import type { Logger } from "@posthouse/service";
import type { RecipientResult } from "./recipient-result.ts";

export interface SuppressionSettings {
  readonly queue: Pick<Queue, "bounces" | "noteBounce" | "forgetBounces">;
  readonly policy: SuppressionPolicy;
  readonly log: Logger;
  readonly now: () => number;
}

interface Sorted {
  readonly sent: readonly PendingRecipient[];
  /** The answers for those that are not sent to. */
  readonly heldBack: readonly RecipientResult[];
}

/**
 * Addresses that said again and again that they do not exist get no more mail of the account that wrote
 * to them: large providers take who goes on for a spammer, and hold it against the mail of everybody here.
 *
 * The sender is told by a notification at once, and not by a refusal when he submits: a refusal of one
 * recipient makes many mail programs send to none of them, tells only what fits into one line, and would
 * not reach what comes from a filter or a list.
 */
export class Suppression {
  readonly #settings: SuppressionSettings;
  /** Addresses of deliveries under way that refused something before: the others have nothing to be forgotten. */
  readonly #bounced = new WeakMap<Delivery, ReadonlyMap<string, BouncedAddress>>();

  constructor(settings: SuppressionSettings) {
    this.#settings = settings;
  }

  /** Which recipients of a delivery get it, and what is said of the others. */
  async sort(destination: Destination, delivery: Delivery): Promise<Sorted> {
    const { queue, policy } = this.#settings;
    const { entry, recipients } = delivery;
    const account = entry.envelope.authenticatedAs;
    if (policy.bouncesMax === 0 || account === undefined || destination === LOCAL) {
      return { sent: recipients, heldBack: [] };
    }
    const addresses = recipients.map(({ address }) => address);
    const bounces = await queue.bounces(account, addresses);
    if (bounces.length === 0) return { sent: recipients, heldBack: [] };
    const known = new Map(bounces.map((bounce) => [bounce.address, bounce]));
    this.#bounced.set(delivery, known);
    const sent: PendingRecipient[] = [];
    const heldBack: RecipientResult[] = [];
    for (const pending of recipients) {
      const answer = this.#answerFor(known.get(pending.address.toLowerCase()));
      if (answer === undefined) sent.push(pending);
      else heldBack.push({ recipient: pending.recipient, reply: answer, isDsnPassedOn: false });
    }
    return { sent, heldBack };
  }

  /** Counts refusals, and forgets them for an address that took mail. It does not fail: what is not counted now is said again. */
  async note(delivery: Delivery, outcomes: readonly Outcome[]): Promise<void> {
    const { policy, log } = this.#settings;
    const account = delivery.entry.envelope.authenticatedAs;
    if (policy.bouncesMax === 0 || account === undefined) return;
    try {
      await Promise.all(outcomes.map((outcome) => this.#noteOne(delivery, account, outcome)));
    } catch (err) {
      log.warn({ err, account }, "Cannot remember which addresses refused mail");
    }
  }

  async #noteOne(
    delivery: Delivery,
    account: string,
    { recipient, status, reply, remoteHost }: Outcome,
  ): Promise<void> {
    const { queue, policy } = this.#settings;
    const address = delivery.entry.envelope.recipients[recipient]?.address;
    if (address === undefined || remoteHost === undefined) return;
    if (status === "failed" && isAboutAddress(reply)) {
      await queue.noteBounce({ account, address, reply, remoteHost }, policy);
    } else if (
      status === "relayed" &&
      this.#bounced.get(delivery)?.has(address.toLowerCase()) === true
    ) {
      await queue.forgetBounces(address, account);
    }
  }

  #answerFor(bounced: BouncedAddress | undefined): RecipientResult["reply"] | undefined {
    const { policy, now } = this.#settings;
    const untilMs = bounced && suppressedUntilMs(bounced, policy, now());
    if (bounced === undefined || untilMs === undefined) return undefined;
    const { timesMs, remoteHost, reply, address } = bounced;
    const text = `Not sent: ${remoteHost} refused your last ${timesMs.length} messages to ${address} for good (${replyInWords(reply)}). It is sent to again from ${dayOf(untilMs)} on, or when the administrator says: posthouse suppression clear ${address}`;
    return { code: 550, enhanced: "5.1.1", text };
  }
}

const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
