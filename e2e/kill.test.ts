import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { appNames } from "@posthouse/service";
import { freePort } from "@posthouse/test-tools";
import { localToml } from "../apps/cli/src/local/local-config.ts";
import { eventually } from "./eventually.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { startKnot } from "./knot.ts";
import { numberedMessage, numberOf } from "./numbered-message.ts";
import { NumberedReader } from "./numbered-reader.ts";
import { alice, bob, password } from "./people.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { whatIsMissing } from "./program.ts";
import { Sink } from "./sink.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { type Suite, startSuite } from "./suite.ts";
import { Traffic } from "./traffic.ts";

/** Processes die without a word, again and again, and mail goes on. */
const SOME = 15;
const KIB = 1024;
const MIB = 1024 * KIB;

/** A test cannot wait for the usual five minutes. */
const toml = `${localToml}retry_first_seconds = 1\nretry_wait_seconds_max = 2\n`;

describe("what was accepted is in the mailbox, whole, whatever is killed", () => {
  let directory: string;
  let suite: Suite;
  let traffic: Traffic;
  let reader: NumberedReader;
  const portOf = (name: string) => suite.portOf(name);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "posthouse-kill-"));
    suite = await startSuite({ directory, toml });
    traffic = new Traffic({ portOf, to: alice });
    reader = new NumberedReader({ portOf, user: alice });
    await traffic.progress(SOME);
  });
  after(async () => {
    await traffic?.[Symbol.asyncDispose]();
    await reader?.[Symbol.asyncDispose]();
    await suite?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Mail goes on, and what was accepted until now is read. */
  async function recovers(): Promise<void> {
    await traffic.progress(SOME);
    await reader.hasAll(traffic.accepted);
  }

  for (const app of appNames) {
    test(`${app} is started again, and nobody else notices`, async () => {
      const pids = await pidsOf(suite);
      const serves = suite.nextLogged((line) => line.includes(`${app} serves again`));
      process.kill(pids[app] ?? 0, "SIGKILL");
      await serves;
      await recovers();
      const changed = Object.entries(await pidsOf(suite)).filter(
        ([name, pid]) => pid !== pids[name],
      );
      assert.deepEqual(
        changed.map(([name]) => name),
        [app],
      );
    });
  }

  test("without their supervisor the servers end by themselves, and a new start goes on", async () => {
    const pids = Object.values(await pidsOf(suite));
    suite.process.kill("SIGKILL");
    await eventually("the last server has ended", () => !pids.some(isRunning));
    suite = await startSuite({ directory });
    await recovers();
  });

  test("when all processes die at once, a new start goes on", async () => {
    const pids = [suite.process.pid ?? 0, ...Object.values(await pidsOf(suite))];
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await eventually("the last process is gone", () => !pids.some(isRunning));
    suite = await startSuite({ directory });
    await recovers();
  });

  test("in the end the mailbox has every message, and files and index agree", async () => {
    await traffic[Symbol.asyncDispose]();
    await reader.hasAll(traffic.accepted);
    using imap = await ImapDialogue.login(portOf("imap"), alice, password);
    const numbers = new Map<number, number>();
    for (const [uid, octets] of await imap.messages("INBOX")) numbers.set(uid, numberOf(octets));
    for (const [uid, number] of reader.seen) assert.equal(numbers.get(uid), number, `UID ${uid}`);
    const found = new Set(numbers.values());
    assert.deepEqual(
      [...traffic.accepted].filter((number) => !found.has(number)),
      [],
    );
    assert.match(
      await succeeding(posthouse("mailbox", "check", alice, "--data", directory)),
      /agree/,
    );
    await queueIsEmpty(directory);
  });
});

const skip = whatIsMissing("knotd") ?? false;

describe("what was accepted for a slow host elsewhere gets there, however often smtp-out is killed", {
  skip,
}, () => {
  const opened = new AsyncDisposableStack();
  let directory: string;
  let suite: Suite;
  let sink: Sink;
  let next = 1;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "posthouse-slow-"));
    opened.defer(() => rm(directory, { recursive: true, force: true }));
    sink = opened.use(await Sink.listen());
    const port = await freePort();
    const zones = { "remote.test": "@ MX 10 mx\nmx A 127.0.0.1" };
    opened.use(await startKnot({ directory: join(directory, "knot"), port, zones }));
    suite = opened.use(
      await startSuite({
        directory: join(directory, "data"),
        toml: `${toml}private_destinations = true\ndns_servers = ["127.0.0.1:${port}"]\nmx_port = ${sink.port}\n`,
        arguments: ["--send"],
      }),
    );
  });
  after(() => opened.disposeAsync());

  /** Submits as bob and gives the numbers. */
  async function submit(count: number, bodyBytes = 2 * KIB): Promise<number[]> {
    const to = "user@remote.test";
    const numbers = Array.from({ length: count }, () => next++);
    using smtp = await SmtpDialogue.open(suite.portOf("submission"));
    await smtp.expect(235, smtp.login(bob, password));
    for (const number of numbers) {
      const octets = numberedMessage(number, bodyBytes, to);
      await smtp.expect(250, smtp.send({ from: bob, to: [to], octets }));
    }
    return numbers;
  }

  async function killSmtpOut(): Promise<void> {
    const serves = suite.nextLogged((line) => line.includes("smtp-out serves again"));
    process.kill(await suite.pidOf("smtp-out"), "SIGKILL");
    await serves;
  }

  test("killed while the host thinks about its answer, it sends again", async () => {
    sink.be("silent");
    const numbers = await submit(12);
    await sink.leavesWaiting(2);
    sink.be("willing");
    await killSmtpOut();
    await sink.hasAll(numbers);
  });

  test("killed in the middle of a message, it sends all of it again", async () => {
    sink.be("deaf");
    const numbers = await submit(1, 12 * MIB);
    await sink.leavesWaiting(1);
    sink.be("willing");
    await killSmtpOut();
    await sink.hasAll(numbers);
  });

  test("killed at any moment, it loses nothing, and the queue is empty in the end", async () => {
    const numbers = [];
    for (let times = 0; times < 3; times++) {
      const killing = killSmtpOut();
      numbers.push(...(await submit(20)));
      await killing;
    }
    await sink.hasAll(numbers);
    await queueIsEmpty(suite.directory);
  });
});

async function pidsOf(suite: Suite): Promise<Record<string, number>> {
  const entries = appNames.map(async (app) => [app, await suite.pidOf(app)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** A process that nobody has waited for yet is dead all the same. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

const queueIsEmpty = (directory: string) =>
  eventually("the queue is empty", async () => {
    const names = await readdir(join(directory, "queue", "ready"));
    return names.length === 0;
  });
