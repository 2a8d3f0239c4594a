import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "@posthouse/test-tools";
import { nameServer } from "../apps/smtp-out/test/name-server.ts";
import { run } from "../e2e/program.ts";
import { openQueueWriter } from "../packages/queue/src/queue-writer.ts";
import { processorSeconds, proportionalMemoryMib, residentMemoryMib } from "./process-tree.ts";
import { type AppProcess, startApp } from "./queue/app-process.ts";
import { startDeadHost } from "./queue/dead-host.ts";
import { type Relay, startPostfixRelay, startPosthouseRelay } from "./queue/relays.ts";
import { startSmtpSink } from "./queue/smtp-sink.ts";
import { fillSpool } from "./queue/spool.ts";

/**
 * `npm run bench:queue -- PART`, as root, on a disk of your choice:
 *
 *   rate                   through the queue of Posthouse and of Postfix to the same smtp-sink, in turn
 *   fill --queue DIR       makes a queue of --messages to --domains, of which --dead percent do not answer
 *   drain --queue DIR      sends it, and says when the live domains had all of theirs
 *   wait --queue DIR       makes --messages that wait for tomorrow, where there are none yet, and takes them in
 *   cost --queue DIR       memory with them, and what one delivery costs beside them
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    directory: { type: "string" },
    queue: { type: "string" },
    messages: { type: "string", default: "2000" },
    domains: { type: "string", default: "1000" },
    dead: { type: "string", default: "0" },
    rounds: { type: "string", default: "3" },
  },
});
const messages = Number(values.messages);
const domainCount = Number(values.domains);
const deadCount = (domainCount * Number(values.dead)) / 100;
const isDead = (n: number): boolean =>
  deadCount > 0 && n % Math.round(domainCount / deadCount) === 0;
const domainOf = (n: number): string => `d${n}.bench.test`;
const allDomains = Array.from({ length: domainCount }, (_, n) => n);

const say = (text: string) => process.stdout.write(`${text}\n`);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function send(relay: Relay, count: number): Promise<void> {
  const args = ["-d", "-s", "20", "-m", `${count}`, "-l", "4096", "-f", "sender@remote.test"];
  const to = ["-t", "user@sink.test", `inet:127.0.0.1:${relay.smtpPort}`];
  const { code, stderr } = await run("smtp-source", [...args, ...to]);
  if (code !== 0 || stderr !== "") throw new Error(`smtp-source ended with ${code}: ${stderr}`);
}

async function throughQueue(relay: Relay, sinkPort: number, count: number) {
  const pids = await relay.pids();
  const spentBy = async () =>
    await Promise.all(Object.values(pids).map((some) => processorSeconds(some)));
  const before = await spentBy();
  const sink = await startSmtpSink(sinkPort, count);
  const startMs = performance.now();
  await send(relay, count);
  const accepted = (count * 1000) / (performance.now() - startMs);
  await sink.full;
  const relayed = (count * 1000) / (performance.now() - startMs);
  const after = await spentBy();
  const cost = Object.keys(pids).map(
    (name, n) => `${name} ${((((after[n] ?? 0) - (before[n] ?? 0)) * 1000) / count).toFixed(2)} ms`,
  );
  say(
    `${relay.name}: ${accepted.toFixed(0)}/s accepted, ${relayed.toFixed(0)}/s relayed, ${cost.join(", ")} a message`,
  );
  return { accepted, relayed };
}

async function rate(base: string): Promise<void> {
  const sinkPort = await freePort();
  const rates: Record<string, { accepted: number; relayed: number }[]> = {};
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const start of [startPosthouseRelay, startPostfixRelay]) {
      await using relay = await start(base, sinkPort);
      // As a server that has run for a while.
      await throughQueue(relay, sinkPort, messages);
      const measured = await throughQueue(relay, sinkPort, messages);
      rates[relay.name] = [...(rates[relay.name] ?? []), measured];
    }
  }
  for (const key of ["accepted", "relayed"] as const) {
    const [ours = 0, theirs = 0] = ["Posthouse", "Postfix"].map((name) =>
      median((rates[name] ?? []).map((one) => one[key])),
    );
    say(`| ${key}/s | ${ours.toFixed(0)} | ${theirs.toFixed(0)} | ${(ours / theirs).toFixed(2)} |`);
  }
}

interface Sender extends AsyncDisposable {
  readonly app: AppProcess;
  readonly sinkPort: number;
  readonly startedMs: number;
}

/** smtp-out alone on the queue of a directory, with a name server that knows its domains. */
async function startSender(queue: string): Promise<Sender> {
  await using opened = new AsyncDisposableStack();
  const sinkPort = await freePort();
  const zone = Object.fromEntries(
    allDomains.flatMap((n) => [
      [domainOf(n), { mx: [`10 mx.${domainOf(n)}`] }],
      [`mx.${domainOf(n)}`, { a: [isDead(n) ? "127.0.0.2" : "127.0.0.1"] }],
    ]),
  );
  const names = opened.use(await nameServer(zone));
  const dead = await startDeadHost("127.0.0.2", sinkPort);
  opened.use(dead);
  const config = join(queue, "posthouse.toml");
  await mkdir(join(queue, "run"), { recursive: true });
  await writeFile(
    config,
    `hostname = "mail.bench.test"
data_dir = "${queue}/data"
run_dir = "${queue}/run"
[smtp_out]
mx_port = ${sinkPort}
dns_servers = ["${names.name}"]
private_destinations = true
`,
  );
  const startedMs = performance.now();
  const app = await startApp("smtp-out", config);
  opened.defer(() => app.stop());
  const running = opened.move();
  return { app, sinkPort, startedMs, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function drain(queue: string): Promise<void> {
  const live = allDomains.filter((n) => !isDead(n)).length;
  const count = (messages / domainCount) * live;
  // The sink has to be there first, and its port is known by then only.
  await using sender = await startSender(queue);
  const sink = await startSmtpSink(sender.sinkPort, count);
  await sink.full;
  const tookMs = performance.now() - sender.startedMs;
  const spent = await processorSeconds([sender.app.pid]);
  say(
    `${count} messages to ${live} live domains, beside ${messages - count} to ${domainCount - live} dead ones: ${seconds(tookMs)}, ${((count * 1000) / tookMs).toFixed(0)}/s; smtp-out ${((spent * 1000) / count).toFixed(2)} ms a message`,
  );
}

async function wait(queue: string): Promise<void> {
  const spool = join(queue, "data", "queue");
  const isThere = (await readdir(join(spool, "ready")).catch(() => [])).length > 0;
  const holdUntilMs = Date.now() + 3 * 86_400_000;
  const domains = allDomains.map(domainOf);
  if (!isThere) fillSpool(spool, { messages, messageBytes: 700, domains, holdUntilMs });
  await using sender = await startSender(queue);
  const line = await sender.app.said("Found mail in the queue");
  say(
    `${line.replace(/^.*"admitted":(\d+).*$/, "$1")} taken in, in ${seconds(performance.now() - sender.startedMs)}`,
  );
}

async function cost(queue: string): Promise<void> {
  await using sender = await startSender(queue);
  const { pid } = sender.app;
  const memory = async (when: string) => {
    const [pss, rss] = [await proportionalMemoryMib([pid]), await residentMemoryMib([pid])];
    say(`smtp-out ${when}: ${pss.toFixed(0)} MiB proportional, ${rss.toFixed(0)} MiB resident`);
  };
  const writer = await openQueueWriter({
    queueDirectory: join(queue, "data", "queue"),
    smtpOutSocketPath: join(queue, "run", "smtp-out.sock"),
  });
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const sink = await startSmtpSink(sender.sinkPort, 2000);
    const before = await processorSeconds([pid]);
    const startMs = performance.now();
    let next = 0;
    const put = async () => {
      while (next < 2000) {
        const n = next++;
        const address = `new${n}@${domainOf(n % domainCount)}`;
        await using draft = await writer.begin();
        await draft.write(Buffer.from("From: <a@bench.test>\r\nSubject: new\r\n\r\nHello\r\n"));
        await draft.commit("ready", {
          version: 1,
          messageId: `n${round}-${n}`,
          receivedAtMs: Date.now(),
          client: { address: "192.0.2.1", helo: "client.bench.test", protocol: "ESMTP" },
          reversePath: "new@bench.test",
          recipients: [{ address, originalAddress: address, isLocal: false }],
          body: "7BIT",
          smtpUtf8: false,
          requireTls: false,
          priority: 0,
          verdicts: {},
        });
      }
    };
    await Promise.all(Array.from({ length: 20 }, put));
    await sink.full;
    const tookMs = performance.now() - startMs;
    const spent = (await processorSeconds([pid])) - before;
    say(
      `2000 more: ${(2_000_000 / tookMs).toFixed(0)}/s, ${(spent / 2).toFixed(2)} ms of smtp-out each`,
    );
    await memory("then");
  }
  await writer[Symbol.asyncDispose]();
}

const [part = ""] = positionals;
if (part === "rate") {
  const base = await mkdtemp(join(values.directory ?? tmpdir(), "bench-queue-"));
  await chmod(base, 0o755);
  await rate(base);
  await rm(base, { recursive: true, force: true });
} else {
  const { queue } = values;
  if (queue === undefined) throw new Error("--queue names the directory of the queue");
  await mkdir(queue, { recursive: true });
  if (part === "fill") {
    const domains = allDomains.map(domainOf);
    fillSpool(join(queue, "data", "queue"), { messages, messageBytes: 4096, domains });
  } else if (part === "drain") await drain(queue);
  else if (part === "wait") await wait(queue);
  else if (part === "cost") await cost(queue);
  else throw new Error(`There is no part ${part}: rate, fill, drain, wait or cost`);
}
