import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openMailStore, openScriptStore } from "@posthouse/mailbox-store";
import { testContext } from "@posthouse/service";
import {
  ENVELOPE_VERSION,
  type Envelope,
  envelopeToLmtpParameters,
  LmtpPool,
  newMessageId,
  SmtpConnectionError,
} from "@posthouse/smtp";
import { RejectsExpiry } from "../src/rejects-expiry.ts";
import { messagesOf } from "./test-app.ts";
import { TestDirectory } from "./test-directory.ts";

const envelope: Envelope = {
  version: ENVELOPE_VERSION,
  messageId: newMessageId(Date.now()),
  receivedAtMs: Date.now(),
  client: { address: "192.0.2.1", helo: "remote.example", protocol: "ESMTP" },
  reversePath: "sender@remote.example",
  recipients: [{ address: "ann@example.test", originalAddress: "ann@example.test", isLocal: true }],
  body: "7BIT",
  smtpUtf8: false,
  requireTls: false,
  priority: 0,
  verdicts: {},
};

for (const row of ["L1", "L3"] as const) {
  test(`killed at ${row} of the crash table and asked again, lmtp-delivery has the message once`, async () => {
    await using context = await testContext();
    const { lmtp, paths, limits, hostname } = context.config;
    {
      await using dying = new Child(context.directory, row);
      await dying.ready();
      await assert.rejects(handOver(lmtp.socketPath), SmtpConnectionError);
      assert.equal(await dying.ended(), "SIGKILL");
    }
    {
      await using living = new Child(context.directory, "none");
      await living.ready();
      assert.deepEqual(await handOver(lmtp.socketPath), [250]);
    }
    await using store = await openMailStore({
      mailDirectory: paths.mail,
      messageBytesMax: limits.messageBytesMax,
      host: hostname,
    });
    const account = await new TestDirectory().findAccount("ann@example.test");
    assert.ok(account);
    assert.equal((await messagesOf(store, account)).length, 1);
  });
}

// A redirect that is in the queue and not remembered goes out twice: the one row that repeats anything.
for (const [row, redirects] of [
  ["A2", 1],
  ["A3", 2],
] as const) {
  test(`killed at ${row} of what a filter does and asked again, the message is filed once`, async () => {
    await using context = await testContext();
    const { lmtp, paths, limits, hostname } = context.config;
    const account = await new TestDirectory().findAccount("ann@example.test");
    assert.ok(account);
    await using store = await openMailStore({
      mailDirectory: paths.mail,
      messageBytesMax: limits.messageBytesMax,
      host: hostname,
    });
    await using mail = await store.openAccount(account);
    await mail.createMailbox("A");
    const scripts = openScriptStore({ mailDirectory: paths.mail }).of(account);
    const script =
      'require ["fileinto", "copy"]; fileinto :copy "A"; redirect :copy "x@remote.example";';
    await scripts.put("f", Buffer.from(script));
    await scripts.activate("f");
    {
      await using dying = new Child(context.directory, row);
      await dying.ready();
      await assert.rejects(handOver(lmtp.socketPath), SmtpConnectionError);
      assert.equal(await dying.ended(), "SIGKILL");
    }
    {
      await using living = new Child(context.directory, "none");
      await living.ready();
      assert.deepEqual(await handOver(lmtp.socketPath), [250]);
    }
    assert.equal((await mail.status("A")).messages, 1);
    assert.equal((await mail.status("INBOX")).messages, 1);
    assert.equal((await readdir(join(paths.queue, "ready"))).length, redirects);
  });
}

// R1 to R3 of src/rejects-expiry.ts: what the file knows, what lies in Rejects, and what a sweep makes of it.
for (const { row, at, noted, filed } of [
  { row: "R1", at: "L1", noted: false, filed: 0 },
  { row: "R2", at: "R2", noted: true, filed: 0 },
  { row: "R3", at: "L3", noted: true, filed: 1 },
]) {
  test(`killed at ${row} of what is put aside, nothing stays there for ever`, async () => {
    await using context = await testContext();
    const { lmtp, paths, limits, hostname } = context.config;
    const file = join(lmtp.stateDirectory, "rejects");
    {
      await using dying = new Child(context.directory, at);
      await dying.ready();
      await assert.rejects(handOver(lmtp.socketPath, putAside), SmtpConnectionError);
      assert.equal(await dying.ended(), "SIGKILL");
    }
    const notes = () => readFile(file, "utf8").catch(() => "");
    assert.equal(await notes(), noted ? "ann@example.test\n" : "");
    await using store = await openMailStore({
      mailDirectory: paths.mail,
      messageBytesMax: limits.messageBytesMax,
      host: hostname,
    });
    const auth = new TestDirectory();
    const account = await auth.findAccount("ann@example.test");
    assert.ok(account);
    await using mail = await store.openAccount(account);
    const inRejects = async () => {
      const there = (await mail.listMailboxes()).some(({ name }) => name === "Rejects");
      return there ? (await mail.status("Rejects")).messages : 0;
    };
    assert.equal(await inRejects(), filed);
    const keepMs = 24 * 3600 * 1000;
    const now = () => Date.now() + 2 * keepMs;
    const about = { path: file, store, auth, keepMs, log: context.log, now };
    await using expiry = await RejectsExpiry.open(about);
    await expiry.sweep();
    assert.equal(await inRejects(), 0);
    assert.equal(await notes(), "");
  });
}

/** A process of its own, which ends with the test at the latest. */
class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown[]>;

  constructor(directory: string, row: string) {
    const path = fileURLToPath(new URL("./crash-child.ts", import.meta.url));
    this.#process = fork(path, [directory, row]);
    this.#exited = once(this.#process, "exit");
  }

  async ready(): Promise<void> {
    await once(this.#process, "message");
  }

  /** The signal that ended it. */
  async ended(): Promise<unknown> {
    const [, signal] = await this.#exited;
    return signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }
}

const putAside: Envelope = {
  ...envelope,
  verdicts: { "file-into": "rejects", "file-reason": "clamd found Worm.Test" },
};

async function handOver(socketPath: string, sent = envelope): Promise<number[]> {
  await using pool = new LmtpPool({ socketPath, heloName: "smtp-in", sizeMax: 1, idleMs: 1000 });
  const outcome = await pool.use((session) =>
    session.send({
      ...envelopeToLmtpParameters(sent),
      reversePath: sent.reversePath,
      octets: (async function* () {
        yield Buffer.from("Subject: hello\r\n\r\nHello\r\n");
      })(),
    }),
  );
  return outcome.recipients.map(({ reply }) => reply.code);
}
