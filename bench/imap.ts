import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type Column,
  columns,
  type ImapServer,
  startDovecotImap,
  startPosthouseImap,
} from "./imap/imap-server.ts";
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
    /** The mixed load also on a Dovecot that syncs each STORE, as Posthouse does. */
    always: { type: "boolean", default: false },
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

const startsOf = (part: Part) => [
  ...(values.only === "dovecot" ? [] : [startPosthouseImap]),
  ...(values.only === "posthouse" ? [] : [() => startDovecotImap(base)]),
  ...(values.always && part === "mixed" ? [() => startDovecotImap(base, "always")] : []),
];

/** What one server does in one round of a part. */
const measures: Record<Exclude<Part, "prepare">, (server: ImapServer) => Promise<Timings>> = {
  async mixed({ port }) {
    const timings: Timings = {};
    await logInOnce(port);
    // As after a while of serving: what runs often has been compiled, and there is a process for each core.
    await mixedRate(port, { connections: 10, seconds: 10 });
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

const [ours, ...theirs] = values.always ? columns : columns.slice(0, 2);
console.log(`| what | ${ours} |${theirs.map((name) => ` ${name} | ratio |`).join("")}`);
console.log(`|---|---|${theirs.map(() => "---|---|").join("")}`);
for (const part of values.part.split(",") as Part[]) {
  if (part === "prepare") continue;
  const seen = new Map<string, Map<Column, number[]>>();
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const start of startsOf(part)) {
      await using server = await start(base);
      const timings = await measures[part](server);
      process.stderr.write(`${server.column}: ${JSON.stringify(timings, rounded)}\n`);
      for (const [name, value] of Object.entries(timings)) {
        const ofAll = seen.get(name) ?? new Map<Column, number[]>();
        ofAll.set(server.column, [...(ofAll.get(server.column) ?? []), value]);
        seen.set(name, ofAll);
      }
    }
  }
  for (const [name, ofAll] of seen) {
    const our = median(ofAll.get("Posthouse") ?? []);
    // Commands a second, or ms: above 1 Posthouse is the faster one.
    const isRate = part === "mixed";
    const cells = theirs.map((column) => {
      const their = median(ofAll.get(column) ?? []);
      return ` ${digits(their)} | ${(isRate ? our / their : their / our).toFixed(2)} |`;
    });
    const unit = isRate ? "commands/s" : "ms";
    console.log(`| ${name}, ${unit} | ${digits(our)} |${cells.join("")}`);
  }
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(digits(value)) : value;
}
