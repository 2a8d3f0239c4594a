import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ImapServer, startDovecotImap, startPosthouseImap } from "./imap/imap-server.ts";
import {
  largeCommands,
  median,
  searchCommands,
  type Timings,
  timeCommands,
  timeSelects,
} from "./imap/large-load.ts";
import { logInOnce, mixedRate } from "./imap/mixed-load.ts";
import { prepareMail } from "./imap/prepare-mail.ts";

/**
 * `npm run bench:imap`: the same IMAP load on Posthouse and on Debian's Dovecot, on the same messages, in turn,
 * as a table for RESULTS.md. As root, with the Debian package dovecot-imapd. The mail is prepared once and kept
 * in the directory: `--part prepare` does only that.
 */
const parts = ["prepare", "mixed", "large", "search"] as const;
type Part = (typeof parts)[number];
const { values } = parseArgs({
  options: {
    directory: { type: "string", default: "/var/tmp" },
    messages: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    /** Several, separated by commas. */
    part: { type: "string", default: parts.join(",") },
    /** "posthouse" or "dovecot" alone. */
    only: { type: "string" },
    /** Of the commands on the large mailbox those whose name has this. */
    command: { type: "string", default: "" },
  },
});
const base = join(values.directory, "posthouse-imap-bench");
await mkdir(base, { recursive: true });
await chmod(base, 0o755);
const prepared = await prepareMail(base, Number(values.messages));
const { firstMs, searchTextMs } = prepared;
process.stderr.write(`${JSON.stringify({ firstMs, searchTextMs })}\n`);

const starts = [
  ...(values.only === "dovecot" ? [] : [startPosthouseImap]),
  ...(values.only === "posthouse" ? [] : [startDovecotImap]),
];

/** What one server does in one round of a part. */
const measures: Record<Exclude<Part, "prepare">, (server: ImapServer) => Promise<Timings>> = {
  async mixed({ port }) {
    const timings: Timings = {};
    await logInOnce(port);
    await mixedRate(port, { connections: 10, seconds: 2 });
    for (const connections of [10, 100]) {
      const rate = await mixedRate(port, { connections, seconds: Number(values.seconds) });
      timings[`mixed load, ${connections} connections`] = rate;
    }
    return timings;
  },
  large: async (server) => ({
    ...(values.command === "" || values.command === "SELECT"
      ? await timeSelects(server, prepared)
      : {}),
    ...(await timeCommands(server, chosen(largeCommands), { isWarmedUp: true })),
  }),
  search: (server) =>
    timeCommands(server, chosen(searchCommands), { isWarmedUp: server.name === "Posthouse" }),
};

const chosen = (commands: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(commands).filter(([name]) => name.includes(values.command)));

console.log("| what | Posthouse | Dovecot | ratio |\n|---|---|---|---|");
for (const part of values.part.split(",") as Part[]) {
  if (part === "prepare") continue;
  const seen = new Map<string, Record<string, number[]>>();
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const start of starts) {
      await using server = await start(base);
      const timings = await measures[part](server);
      process.stderr.write(`${server.name}: ${JSON.stringify(timings, rounded)}\n`);
      for (const [name, value] of Object.entries(timings)) {
        const ofBoth = seen.get(name) ?? { Posthouse: [], Dovecot: [] };
        ofBoth[server.name]?.push(value);
        seen.set(name, ofBoth);
      }
    }
  }
  for (const [name, { Posthouse = [], Dovecot = [] }] of seen) {
    const [ours, theirs] = [median(Posthouse), median(Dovecot)];
    // Commands a second, or ms: above 1 Posthouse is the faster one.
    const isRate = part === "mixed";
    const ratio = isRate ? ours / theirs : theirs / ours;
    const unit = isRate ? "commands/s" : "ms";
    console.log(`| ${name}, ${unit} | ${digits(ours)} | ${digits(theirs)} | ${ratio.toFixed(2)} |`);
  }
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(digits(value)) : value;
}
