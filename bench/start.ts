import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ImapDialogue } from "../e2e/imap-dialogue.ts";
import { alice, password } from "../e2e/people.ts";
import { SmtpDialogue } from "../e2e/smtp-dialogue.ts";
import { type Suite, startSuite } from "../e2e/suite.ts";
import {
  descendantsOf,
  processorSeconds,
  proportionalMemoryMib,
  residentMemoryMib,
} from "./process-tree.ts";

/** `npm run bench:start`: how long everything takes to be ready, and what it holds when it has nothing to do. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    /** What "at rest" means: so long after it was ready. */
    "rest-seconds": { type: "string", default: "20" },
    /** All apps in one process. */
    single: { type: "boolean", default: false },
  },
});

const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const compileCache = join(import.meta.dirname, "../node_modules/.cache/node-compile");
const base = await mkdtemp(join(tmpdir(), "bench-start-"));
const fresh: number[] = [];
const again: number[] = [];
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const times of [fresh, again]) {
    const startMs = performance.now();
    await using suite = await startSuite({
      directory: join(base, String(round)),
      arguments: values.single ? ["--single"] : [],
      // As bin/posthouse sets it.
      env: { POSTHOUSE_LOG_FORMAT: "json", NODE_COMPILE_CACHE: compileCache },
    });
    times.push(performance.now() - startMs);
    const isLast = round === Number(values.rounds) - 1 && times === again;
    if (isLast) await tellOf(suite);
  }
}
console.log(`ready, fresh data directory: ${median(fresh).toFixed(0)} ms`);
console.log(`ready, one that was there:   ${median(again).toFixed(0)} ms`);
await rm(base, { recursive: true, force: true });

async function tellOf(suite: Suite): Promise<void> {
  const pids = await descendantsOf(suite.process.pid ?? 0);
  const seconds = await processorSeconds(pids);
  console.log(`${pids.length} processes, ${seconds.toFixed(2)} s of processor until ready`);
  await tellMemory("just ready", pids);
  await wait(Number(values["rest-seconds"]) * 1000);
  await tellMemory("at rest", pids);
  for (const one of pids) {
    const name = (await readFile(`/proc/${one}/cmdline`, "utf8"))
      .replaceAll("\0", " ")
      .slice(0, 60);
    const mib = (await proportionalMemoryMib([one])).toFixed(1);
    console.log(`  ${mib} MiB  ${(await processorSeconds([one])).toFixed(2)} s  ${name}`);
  }
  await useOnce(suite);
  await tellMemory("after a first message and its reader", pids);
}

/** A message comes in, and is read by IMAP: what is loaded with the first account is there. */
async function useOnce(suite: Suite): Promise<void> {
  using sender = await SmtpDialogue.open(suite.portOf("smtp"));
  const octets = Buffer.from("Subject: hello\r\n\r\nIt works.\r\n");
  await sender.send({ from: "x@example.net", to: [alice], octets });
  using reader = await ImapDialogue.login(suite.portOf("imap"), alice, password);
  await reader.messages("INBOX");
}

async function tellMemory(when: string, pids: readonly number[]): Promise<void> {
  const pss = await proportionalMemoryMib(pids);
  const rss = await residentMemoryMib(pids);
  console.log(`${when}: ${pss.toFixed(0)} MiB PSS, ${rss.toFixed(0)} RSS`);
}
