import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { Claim, Delivery, Destination } from "@posthouse/queue";
import { openLog } from "@posthouse/service";
import { Dispatcher, type DispatcherSettings } from "./dispatcher.ts";
import { limits } from "./limits.ts";
import type { AttemptResult, Carrier } from "./recipient-result.ts";

const recipient = { recipient: 0, address: "ann@there.example" };

function claimOf(destination: string): Claim {
  const delivery = {
    entry: { envelope: { messageId: destination }, messageBytes: 1 },
    recipients: [recipient],
    attempts: 0,
    isLost: false,
    release: async () => undefined,
  } as unknown as Delivery;
  return {
    destination: destination as unknown as Destination,
    deliveries: [delivery],
    failures: 0,
  };
}

/** A host that never takes the connection, as long as nobody gives up. */
class SilentHost implements Carrier {
  readonly isConnected = false;
  readonly #givenUp = Promise.withResolvers<AttemptResult>();

  carry(): Promise<AttemptResult> {
    return this.#givenUp.promise;
  }

  abort(): void {
    this.#givenUp.resolve({ results: [], destination: "down" });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function dispatcherOf(
  claims: Claim[],
  carrierFor: DispatcherSettings["carrierFor"],
  sort: () => Promise<unknown> = async () => new Map(),
): Dispatcher {
  const nothing = () => undefined;
  return new Dispatcher({
    queue: {
      claimDue: async () => claims.shift(),
      nextDueMs: async () => undefined,
      noteDestination: async () => undefined,
    },
    carrierFor,
    settle: async (parts: readonly unknown[]) =>
      parts.map(() => ({ status: "fulfilled", value: undefined })),
    companions: { claimFor: async () => new Map(), sort },
    deliveriesMax: 2,
    holdRuleFor: nothing,
    suppression: { sort: async () => ({ sent: [recipient], heldBack: [] }) },
    pace: {
      begin: nothing,
      end: nothing,
      note: nothing,
      mayGo: () => true,
      busy: () => [],
      nextTokenMs: nothing,
    },
    isLocalOnly: false,
    lookMsMax: 600_000,
    events: { record: nothing },
    log: openLog("test", "silent"),
    now: () => 0,
  } as unknown as DispatcherSettings);
}

test("hosts that do not answer hold up nobody else for longer than a moment", async (t) => {
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  t.after(() => mock.timers.reset());
  const begun: string[] = [];
  const sent = Promise.withResolvers<void>();
  const live: Carrier = {
    carry: async () => {
      sent.resolve();
      return { results: [], destination: "up" };
    },
    abort: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  const bothSilent = Promise.withResolvers<void>();
  const claims = ["dead.example", "gone.example", "live.example"].map(claimOf);
  const dispatcher = dispatcherOf(claims, (destination) => {
    begun.push(String(destination));
    if (begun.length === 2) bothSilent.resolve();
    return String(destination) === "live.example" ? live : new SilentHost();
  });
  dispatcher.start();
  await bothSilent.promise;
  assert.deepEqual(begun, ["dead.example", "gone.example"], "there is room for two");
  mock.timers.tick(limits.silentAfterMs);
  await sent.promise;
  mock.timers.reset();
  await dispatcher.close();
});

test("a fault here before the first transaction puts the mail off, and does not try it for ever", async () => {
  const putOff = Promise.withResolvers<{ untilMs: number; said: unknown }>();
  const claim = claimOf("there.example");
  Object.assign(claim.deliveries[0] ?? {}, {
    defer: async (untilMs: number, said: unknown) => putOff.resolve({ untilMs, said }),
  });
  const dispatcher = dispatcherOf(
    [claim],
    () => new SilentHost(),
    () => Promise.reject(new ReferenceError("policyy is not defined")),
  );
  dispatcher.start();
  const { untilMs, said } = await putOff.promise;
  assert.equal(untilMs, limits.notifyAgainMs);
  const text = "A fault on this host: policyy is not defined";
  assert.deepEqual(said, [{ recipient: 0, reply: { code: 451, enhanced: "4.3.0", text } }]);
  await dispatcher.close();
});
