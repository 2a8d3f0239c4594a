import { type Destination, LOCAL } from "@posthouse/queue";
import { limits } from "./limits.ts";
import type { AttemptResult } from "./recipient-result.ts";
import type { MailRoute } from "./routes.ts";

export interface PaceSettings {
  /** Connections to one destination, where its route says nothing else. */
  readonly connectionsMax: number;
  readonly limitsOf: (
    destination: Destination,
  ) => Pick<MailRoute, "connectionsMax" | "messagesPerMinuteMax">;
}

interface State {
  /** Connections that it may have now. */
  allowed: number;
  running: number;
  /** What is left of messages_per_minute_max, and when that was so. */
  tokens: number;
  atMs: number;
}

/**
 * How fast each destination is sent to. It begins with two connections; each success allows one more, up
 * to the limit, and an answer that asks for less, or none at all, halves them: a host that can take much
 * gets it after some messages, and one in trouble is not pushed further down.
 */
export class Pace {
  readonly #settings: PaceSettings;
  readonly #states = new Map<Destination, State>();

  constructor(settings: PaceSettings) {
    this.#settings = settings;
  }

  begin(destination: Destination): void {
    this.#stateOf(destination).running += 1;
  }

  end(destination: Destination): void {
    const state = this.#stateOf(destination);
    state.running -= 1;
    if (this.#states.size > limits.pacedDestinationsMax) this.#forgetIdle();
  }

  /** Whether one more message may go now; it counts as sent then. */
  mayGo(destination: Destination): boolean {
    const state = this.#refilled(destination);
    if (state === undefined) return true;
    if (state.tokens < 1) return false;
    state.tokens -= 1;
    return true;
  }

  note(destination: Destination, result: AttemptResult["destination"]): void {
    const state = this.#stateOf(destination);
    if (result === "up") state.allowed = Math.min(state.allowed + 1, this.#maxOf(destination));
    else if (result !== undefined) state.allowed = Math.max(1, Math.floor(state.allowed / 2));
  }

  /** Destinations that may not have another connection, or another message, now. */
  busy(): Destination[] {
    return [...this.#states].flatMap(([destination, { running, allowed }]) => {
      const isSpent = (this.#refilled(destination)?.tokens ?? 1) < 1;
      return running >= allowed || isSpent ? [destination] : [];
    });
  }

  /** When a destination that has used up its messages may have the next one; undefined when none waits. */
  nextTokenMs(): number | undefined {
    const waits = [...this.#states.keys()].flatMap((destination) => {
      const perMinute = this.#settings.limitsOf(destination).messagesPerMinuteMax;
      const state = this.#refilled(destination);
      if (perMinute === undefined || state === undefined || state.tokens >= 1) return [];
      return [((1 - state.tokens) * MINUTE_MS) / perMinute];
    });
    return waits.length === 0 ? undefined : Math.ceil(Math.min(...waits));
  }

  #maxOf(destination: Destination): number {
    if (destination === LOCAL) return limits.localDeliveriesMax;
    return this.#settings.limitsOf(destination).connectionsMax ?? this.#settings.connectionsMax;
  }

  #stateOf(destination: Destination): State {
    let state = this.#states.get(destination);
    if (state === undefined) {
      const max = this.#maxOf(destination);
      const allowed = destination === LOCAL ? max : Math.min(limits.connectionsFirst, max);
      const tokens = 1;
      state = { allowed, running: 0, tokens, atMs: performance.now() };
      this.#states.set(destination, state);
    }
    return state;
  }

  /** Undefined when its messages are not counted. A minute's worth is kept at most a second ahead. */
  #refilled(destination: Destination): State | undefined {
    const perMinute = this.#settings.limitsOf(destination).messagesPerMinuteMax;
    if (perMinute === undefined) return undefined;
    const state = this.#stateOf(destination);
    const nowMs = performance.now();
    const more = ((nowMs - state.atMs) * perMinute) / MINUTE_MS;
    state.tokens = Math.min(Math.max(1, perMinute / 60), state.tokens + more);
    state.atMs = nowMs;
    return state;
  }

  #forgetIdle(): void {
    for (const [destination, { running }] of this.#states) {
      if (running === 0) this.#states.delete(destination);
    }
  }
}

const MINUTE_MS = 60_000;
