import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openQueue, openQueueWriter } from "@posthouse/queue";
import type { Envelope } from "@posthouse/smtp/envelope";
import { exampleEnvelope } from "./example-envelope.ts";

export const START_MS = 2_000_000;

/** A queue in a directory of its own, with a clock that is set by hand. */
export async function openTestQueue(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-queue-"));
  const clock = { nowMs: START_MS };
  const options = {
    queueDirectory: join(directory, "queue"),
    stateDirectory: join(directory, "state"),
    smtpOutSocketPath: join(directory, "smtp-out.sock"),
  };
  const open = (holder = "sender") => openQueue({ ...options, holder, now: () => clock.nowMs });
  const queue = await open();
  const writer = await openQueueWriter(options);
  t.after(async () => {
    await writer[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  const enqueue = async (overrides: Partial<Envelope> = {}) => {
    const draft = await writer.begin();
    await draft.write(Buffer.from("Subject: hello\r\n\r\nHello\r\n"));
    await draft.commit("ready", exampleEnvelope(overrides));
  };
  const files = (state = "ready") => readdir(join(options.queueDirectory, state));
  return { ...options, clock, queue, enqueue, files, open };
}

export const everything = { deliveriesMax: 10, busy: [], isLocalOnly: false } as const;
