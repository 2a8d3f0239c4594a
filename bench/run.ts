import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { acceptToMailbox, type Load, type Rates } from "./accept-to-mailbox.ts";
import { accounts, type MailServer } from "./mail-server.ts";
import { startPostfixDovecot } from "./postfix-dovecot.ts";
import { startPosthouse } from "./posthouse.ts";
import { proportionalMemoryMib, residentMemoryMib } from "./process-tree.ts";

/** `npm run bench`: the same load on Posthouse and on Postfix with Dovecot, in turn, on the same disk. */
const { values } = parseArgs({
  options: {
    directory: { type: "string" },
    messages: { type: "string", default: "2000" },
    rounds: { type: "string", default: "3" },
    "warm-up": { type: "string", default: "8000" },
    only: { type: "string" },
  },
});

const loads: Record<string, Load> = Object.fromEntries(
  [1, 50].flatMap((recipients) =>
    [true, false].map((isConnectionKept) => [
      `20 sessions, 4 KiB, to ${recipients} account${recipients === 1 ? "" : "s"}, ${isConnectionKept ? "connections kept" : "a connection a message"}`,
      {
        messages: Number(values.messages),
        messageBytes: 4096,
        sessions: 20,
        recipients: accounts.slice(0, recipients),
        isConnectionKept,
      },
    ]),
  ),
);

interface Measured {
  readonly memoryMib: number;
  readonly residentMib: number;
  readonly rates: Record<string, Rates[]>;
}

async function measure(start: () => Promise<MailServer>, measured?: Measured): Promise<Measured> {
  await using server = await start();
  // As a server that has run for a while: what ours has not run often is not compiled yet.
  const warmUp = {
    messages: Number(values["warm-up"]),
    messageBytes: 4096,
    sessions: 20,
    recipients: accounts.slice(0, 50),
    isConnectionKept: true,
  };
  const pids = await server.pids();
  const memoryMib = await proportionalMemoryMib(pids);
  const residentMib = await residentMemoryMib(pids);
  await acceptToMailbox(server, warmUp);
  const rates = measured?.rates ?? Object.fromEntries(Object.keys(loads).map((name) => [name, []]));
  for (const [name, load] of Object.entries(loads)) {
    const rate = await acceptToMailbox(server, load);
    rates[name]?.push(rate);
    process.stderr.write(
      `${server.name}: ${name}: ${rate.acceptedPerSecond.toFixed(0)}/s accepted, ${rate.deliveredPerSecond.toFixed(0)}/s in mailboxes\n`,
    );
  }
  return { memoryMib, residentMib, rates };
}

const median = (numbers: number[]) =>
  numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

// Nothing is deleted before the end: a file system that has just deleted much is slow to make files.
const base = await mkdtemp(join(values.directory ?? tmpdir(), "bench-"));
await chmod(base, 0o755);
let ours: Measured | undefined;
let theirs: Measured | undefined;
for (let round = 0; round < Number(values.rounds); round++) {
  if (values.only !== "postfix") ours = await measure(() => startPosthouse(base), ours);
  if (values.only !== "posthouse") theirs = await measure(() => startPostfixDovecot(base), theirs);
}
if (ours !== undefined && theirs !== undefined) {
  console.log("| load | Posthouse | Postfix with Dovecot | ratio |");
  console.log("|---|---|---|---|");
  for (const name of Object.keys(loads)) {
    for (const [key, label] of [
      ["acceptedPerSecond", "accepted/s"],
      ["deliveredPerSecond", "in mailboxes/s"],
    ] as const) {
      const [a, b] = [ours, theirs].map((one) =>
        median((one.rates[name] ?? []).map((rate) => rate[key])),
      ) as [number, number];
      console.log(
        `| ${name}: ${label} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} |`,
      );
    }
  }
  for (const [key, label] of [
    ["memoryMib", "memory at rest, proportional, MiB"],
    ["residentMib", "memory at rest, resident, MiB"],
  ] as const) {
    console.log(
      `| ${label} | ${ours[key].toFixed(0)} | ${theirs[key].toFixed(0)} | ${(ours[key] / theirs[key]).toFixed(2)} |`,
    );
  }
}
await rm(base, { recursive: true, force: true });
