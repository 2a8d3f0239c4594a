import { readdir, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { AuthClient, RecipientResolution, Webhook } from "@posthouse/accounts";
import { type CallArguments, type CallMethods, CallServer } from "@posthouse/accounts/socket";
import { openQueue, openQueueWriter, type Queue, type QueueWriter } from "@posthouse/queue";
import {
  listen,
  openMetrics,
  type RunningApp,
  TEST_TOML,
  type TestContext,
  testContext,
} from "@posthouse/service";
import type { Envelope, EnvelopeRecipient } from "@posthouse/smtp/envelope";
import { signWebhook } from "@posthouse/webhooks";
import { type StartOptions, start } from "../src/app.ts";
import { nameServer, type Zone } from "./name-server.ts";

export interface SendingHost extends AsyncDisposable {
  readonly context: TestContext;
  /** Its configuration, for a process of its own. */
  readonly toml: string;
  /** A second front of the same queue, as the command line opens it. */
  readonly queue: Queue;
  readonly writer: QueueWriter;
  /** The clock of the queue and of smtp-out. */
  readonly clock: { nowMs: number };
  start(instance?: string): Promise<RunningApp>;
  startAuth(): Promise<void>;
  enqueue(overrides?: Partial<Envelope>, octets?: string | Uint8Array): Promise<void>;
  /** Lets smtp-out look at the queue, as after a change of the clock. */
  wake(): void;
  /** Resolves when the queue is in this state; it is asked again and again. */
  until(isSo: (queue: Queue) => Promise<boolean>): Promise<void>;
}

export interface SendingHostOptions extends Omit<StartOptions, "now"> {
  readonly zone?: Zone;
  readonly mxPort?: number;
  /** In place of the one that knows `zone`. */
  readonly dnsServer?: string;
  /** More keys of [smtp_out]. */
  readonly smtpOut?: string;
  /** Keys of [smtp_in], in place of those of the tests, where it runs too. */
  readonly smtpIn?: string;
  /** Auth does not run until startAuth(). */
  readonly isAuthDown?: boolean;
  /** Webhooks that auth knows, by account. */
  readonly webhooks?: Readonly<Record<string, Webhook>>;
  /** What auth says of an address; all others are not ours. */
  readonly accounts?: Readonly<Record<string, RecipientResolution>>;
}

export const MESSAGE = "From: <ann@here.example>\r\nMessage-ID: <1@here.example>\r\n\r\nHello\r\n";

/** One host with a queue, auth and name server of its own, and smtp-out to be started in it. */
export async function sendingHost(options: SendingHostOptions = {}): Promise<SendingHost> {
  await using opened = new AsyncDisposableStack();
  const names = opened.use(await nameServer(options.zone ?? {}));
  const { smtpIn } = options;
  const usual =
    smtpIn === undefined
      ? TEST_TOML
      : TEST_TOML.replace(/\[smtp_in\].*?(?=\[lmtp\])/su, `[smtp_in]\n${smtpIn}\n`);
  const toml = `${usual}
[smtp_out]
mx_port = ${options.mxPort ?? 25}
dns_servers = [${JSON.stringify(options.dnsServer ?? names.name)}]
private_destinations = true
${options.smtpOut ?? ""}
`;
  const context = opened.use(await testContext(toml));
  const startAuth = async () => running.defer(await serveAuth(context, options));
  const clock = { nowMs: Date.now() };
  const queueOptions = {
    queueDirectory: context.config.paths.queue,
    stateDirectory: context.config.smtpOut.stateDirectory,
    smtpOutSocketPath: context.config.smtpOut.socketPath,
    now: () => clock.nowMs,
  };
  const writer = opened.use(await openQueueWriter(queueOptions));
  const queue = opened.use(await openQueue(queueOptions));
  const running = opened.move();
  if (options.isAuthDown !== true) await startAuth();
  return {
    startAuth,
    context,
    toml: toml.replaceAll("{directory}", context.directory),
    queue,
    writer,
    clock,
    start: async (instance) => {
      const { random = () => 0, timeouts = {}, httpsPort, webhookRetryMs } = options;
      const metrics = openMetrics("smtp-out", { withProcess: false });
      const app = await start(
        { ...context, metrics, ...(instance !== undefined && { instance }) },
        {
          random,
          timeouts,
          now: () => clock.nowMs,
          ...(httpsPort !== undefined && { httpsPort }),
          ...(webhookRetryMs !== undefined && { webhookRetryMs }),
        },
      );
      let closing: Promise<void> | undefined;
      const close = () => {
        closing ??= app.close();
        return closing;
      };
      running.defer(close);
      return { ...app, close };
    },
    enqueue: async (overrides = {}, octets: string | Uint8Array = MESSAGE) => {
      await using draft = await writer.begin();
      await draft.write(typeof octets === "string" ? Buffer.from(octets) : octets);
      await draft.commit("ready", envelopeOf(clock.nowMs, overrides));
    },
    wake: () => {
      const socket = connect(context.config.smtpOut.socketPath);
      socket.on("error", () => undefined);
      socket.end("wake\n");
    },
    until: async (isSo) => {
      while (!(await isSo(queue))) await new Promise((resolve) => setImmediate(resolve));
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Everything in the event trail. */
export async function eventsOf({ context }: SendingHost): Promise<Record<string, unknown>[]> {
  await context.events.flush();
  const directory = context.config.paths.events;
  const texts = await Promise.all(
    (await readdir(directory)).map((name) => readFile(join(directory, name), "utf8")),
  );
  return texts
    .join("")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export function remote(address: string, more: Partial<EnvelopeRecipient> = {}): EnvelopeRecipient {
  return { address, originalAddress: address, isLocal: false, ...more };
}

function envelopeOf(nowMs: number, overrides: Partial<Envelope>): Envelope {
  return {
    version: 1,
    messageId: "m1",
    receivedAtMs: nowMs,
    client: { address: "192.0.2.1", helo: "client.example", protocol: "ESMTP" },
    reversePath: "ann@here.example",
    recipients: [remote("bob@there.example")],
    body: "7BIT",
    smtpUtf8: false,
    requireTls: false,
    priority: 0,
    verdicts: {},
    ...overrides,
  };
}

/** What smtp-out asks of auth, over the real socket. */
async function serveAuth(
  { config }: TestContext,
  { accounts = {}, webhooks = {} }: Pick<SendingHostOptions, "accounts" | "webhooks">,
): Promise<() => Promise<void>> {
  const resolveRecipient: AuthClient["resolveRecipient"] = (address) =>
    Promise.resolve(accounts[address] ?? { kind: "not-ours" });
  const methods: CallMethods = new Map<string, (args: CallArguments) => unknown>([
    ["resolveRecipient", (args) => resolveRecipient(args.string("address", 1000))],
    [
      "signWebhook",
      (args) => {
        const webhook = webhooks[args.string("accountId", 100)];
        if (webhook === undefined) return null;
        const signature = signWebhook(webhook.secret, {
          id: args.string("id", 100),
          timestamp: args.optionalCount("timestamp") ?? 0,
          body: args.string("body", 100_000),
        });
        return { url: webhook.url, signature };
      },
    ],
  ]);
  const ends: (() => void)[] = [];
  const server = createServer((socket) => {
    const calls = new CallServer(socket, methods, () => undefined);
    ends.push(() => calls.end());
  });
  await listen("auth", server, { socketPath: config.auth.socketPath });
  return async () => {
    for (const end of ends) end();
    await new Promise((resolve) => server.close(resolve));
  };
}
