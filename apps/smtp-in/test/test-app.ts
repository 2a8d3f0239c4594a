import { openQueue } from "@posthouse/queue";
import {
  type EventRecord,
  type RunningApp,
  type TestContext,
  testContext,
} from "@posthouse/service";
import type { Envelope } from "@posthouse/smtp";
import { type Parts, start } from "../src/app.ts";
import { TestDelivery } from "./test-delivery.ts";
import { TestDirectory } from "./test-directory.ts";

export interface TestApp extends AsyncDisposable {
  readonly context: TestContext;
  readonly app: RunningApp;
  readonly directory: TestDirectory;
  /** Undefined when lmtp-delivery is down. */
  readonly delivery: TestDelivery | undefined;
  readonly events: readonly EventRecord[];
  port(name: "smtp" | "submission" | "submissions"): number;
}

export interface TestAppOptions extends Omit<Parts, "auth"> {
  readonly isDeliveryDown?: boolean;
  /** Instead of TEST_TOML. */
  readonly toml?: string;
}

/** smtp-in over a directory of the tests, a real queue and a real LMTP server. */
export async function testApp({
  isDeliveryDown,
  toml,
  ...parts
}: TestAppOptions = {}): Promise<TestApp> {
  const context = await testContext(toml);
  const { lmtp } = context.config;
  const directory = new TestDirectory();
  const delivery = isDeliveryDown ? undefined : await TestDelivery.listenOn(lmtp.socketPath);
  const events: EventRecord[] = [];
  const trail = {
    ...context.events,
    record(event: EventRecord) {
      events.push(event);
      context.events.record(event);
    },
  };
  const app = await start({ ...context, events: trail }, { ...parts, auth: directory });
  return {
    context,
    app,
    directory,
    delivery,
    events,
    port: (name) => app.addresses.find((address) => address.name === name)?.port ?? 0,
    async [Symbol.asyncDispose]() {
      await app.close();
      await delivery?.[Symbol.asyncDispose]();
      await context[Symbol.asyncDispose]();
    },
  };
}

export interface QueuedMail {
  readonly envelope: Envelope;
  readonly message: string;
}

/** What smtp-out would find in the queue, in the order it came; it is taken out. */
export async function queuedMail({ config }: Pick<TestContext, "config">): Promise<QueuedMail[]> {
  await using queue = await openQueue({
    queueDirectory: config.paths.queue,
    stateDirectory: config.paths.state,
    smtpOutSocketPath: config.smtpOut.socketPath,
  });
  await queue.scan();
  const mails = new Map<string, QueuedMail>();
  for (;;) {
    const claim = await queue.claimDue({ deliveriesMax: 100, busy: [], isLocalOnly: false });
    if (claim === undefined) break;
    for (const delivery of claim.deliveries) {
      const octets = await Array.fromAsync(delivery.octets());
      const message = Buffer.concat(octets).toString("latin1");
      mails.set(delivery.id, { envelope: delivery.entry.envelope, message });
    }
  }
  return [...mails].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, mail]) => mail);
}
