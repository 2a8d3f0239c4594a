import { setTimeout } from "node:timers/promises";
import {
  type AdminResult,
  explain,
  explainAttempts,
  type KeptAttempt,
  type Queue,
  type QueueEntryDetail,
} from "@posthouse/queue";
import { type EventRecord, type EventTrail, openEventTrail } from "@posthouse/service";
import { Command, Option } from "commander";
import { asking, type Typed } from "../asking.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { harmless, print, printRows } from "../output.ts";
import { withQueueOf } from "../queue-of.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

const states = ["due", "waiting", "on-hold", "being-sent", "destination-is-down", "sending-is-off"];

interface QueueOptions extends SourceOptions {
  readonly json?: boolean;
}

/** `posthouse queue`: mail that is ours and not yet delivered. */
export function queueCommand(): Command {
  const queue = new Command("queue").description("mail that is accepted and not yet delivered");
  for (const command of [
    listCommand(),
    showCommand(),
    checkCommand(),
    ...changeCommands(),
    scheduleCommand(),
    flushCommand(),
  ]) {
    queue.addCommand(command);
  }
  return queue;
}

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list")
          .description("list what waits")
          .option("--from <text>", "of senders with this in their address")
          .option("--to <text>", "for recipients with this in their address")
          .option("--domain <name>", "for one domain")
          .option("--older <time>", "that came longer ago: 30m, 12h, 3d", durationOf)
          .addOption(new Option("--state <state>", "in that state").choices(states))
          .option("--rule <name>", "stopped by this rule of smtp_out.hold")
          .option("--watch", "again every two seconds, until Ctrl-C"),
      ),
    ).action((options: ListOptions) =>
      withQueue(options, (queue) =>
        options.watch === true ? watch(queue, options) : list(queue, options),
      ),
    ),
    [
      "queue list",
      "queue list --domain example.net --older 4h",
      "queue list --state on-hold --json",
      "queue list --rule mass-mail",
      "queue list --watch",
    ],
  );

interface ListOptions extends QueueOptions {
  readonly from?: string;
  readonly to?: string;
  readonly domain?: string;
  readonly older?: number;
  readonly state?: string;
  readonly rule?: string;
  readonly watch?: boolean;
}

const WATCH_MS = 2000;

/** The screen is cleared and written anew; smtp-out admits what is new meanwhile. */
async function watch(queue: Queue, options: ListOptions): Promise<void> {
  const ended = new AbortController();
  process.once("SIGINT", () => ended.abort());
  while (!ended.signal.aborted) {
    if (process.stdout.isTTY) process.stdout.write("\u001b[2J\u001b[H");
    await list(queue, options);
    print(`${new Date().toISOString().slice(11, 19)} UTC; Ctrl-C ends it`);
    await setTimeout(WATCH_MS, undefined, { signal: ended.signal }).catch(() => undefined);
  }
}

const isFiltered = ({ from, to, domain, older, state, rule }: ListOptions): boolean =>
  [from, to, domain, older, state, rule].some((option) => option !== undefined);

/** What the options say of one entry; recipients that are done with do not count. */
function filterOf({ from, to, domain, older, state, rule }: ListOptions) {
  const beforeMs = older === undefined ? undefined : Date.now() - older;
  const has = (text: string, part = "") => text.toLowerCase().includes(part.toLowerCase());
  return ({ reversePath, receivedAtMs, heldBy, recipients }: QueueEntryDetail): boolean =>
    (rule === undefined || heldBy === rule) &&
    has(reversePath, from) &&
    (beforeMs === undefined || receivedAtMs < beforeMs) &&
    recipients.some(
      (recipient) =>
        recipient.state.kind !== "final" &&
        has(recipient.address, to) &&
        (domain === undefined || recipient.destination === domain.toLowerCase()) &&
        (state === undefined || recipient.state.kind === state),
    );
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationOf(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([mhd])$/u.exec(text) ?? [];
  const ms = unitMs[unit];
  if (ms === undefined) {
    throw usageFailure(`"${text}" is not a time such as 30m, 12h or 3d`);
  }
  return Number(count) * ms;
}

async function list(queue: Queue, options: ListOptions): Promise<void> {
  const isMeant = filterOf(options);
  const rows = [];
  for await (const detail of entriesOf(queue)) {
    if (!isMeant(detail)) continue;
    rows.push({
      ...detail,
      from: detail.reversePath === "" ? "<>" : detail.reversePath,
      to: detail.recipients
        .filter(({ state }) => state.kind !== "final")
        .map(({ address }) => address),
      received: new Date(detail.receivedAtMs).toISOString().slice(0, 19).replace("T", " "),
      why: whyOf(detail),
    });
  }
  printRows(rows, {
    ...options,
    columns: {
      id: "Entry",
      received: "Received (UTC)",
      messageBytes: "Bytes",
      from: "From",
      to: "To",
      why: "State",
    },
    whenEmpty: isFiltered(options) ? "There is nothing of that in the queue" : "The queue is empty",
    itemsMax: 3,
  });
}

const stateWords = {
  "on-hold": "on hold",
  "sending-is-off": "sending to other hosts is off",
  "being-sent": "being sent",
  due: "due now",
  "destination-is-down": "no host answers",
} as const;

/** The state of the first recipient that is not done with: enough for one line. */
function whyOf({ heldBy, recipients }: QueueEntryDetail): string {
  const open = recipients.find(({ state }) => state.kind !== "final");
  if (open === undefined) return "done";
  if (open.state.kind === "final") return open.state.status;
  if (open.state.kind === "on-hold" && heldBy !== undefined) return `on hold by rule ${heldBy}`;
  if (open.state.kind !== "waiting") return stateWords[open.state.kind];
  return `next try ${new Date(open.state.untilMs).toISOString().slice(11, 16)} UTC`;
}

const showCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("show")
          .description("explain why a message is still in the queue, and what was tried")
          .argument("<id>", "a message id, an entry's id, or the beginning of one"),
      ),
    ).action((id: string, options: QueueOptions) =>
      withQueue(options, async (queue) => {
        const found = await queue.show(id);
        if (found.length === 0) throw nothingLike(id);
        const entries = await Promise.all(
          found.map(async (entry) => ({ ...entry, tried: await queue.attempts(entry.id) })),
        );
        if (options.json === true) print(JSON.stringify(entries, null, 2));
        else for (const entry of entries) print(inWords(entry));
      }),
    ),
    ["queue show 0mfv3k2q8a1b2c3d"],
  );

function inWords(entry: QueueEntryDetail & { readonly tried: readonly KeptAttempt[] }): string {
  const nowMs = Date.now();
  return [
    `Entry ${entry.id}, message ${entry.messageId}`,
    `From ${entry.reversePath === "" ? "<> (a report about other mail)" : entry.reversePath}, ${counted(entry.messageBytes, "byte")}, received ${new Date(entry.receivedAtMs).toISOString()}`,
    ...[...explain(entry, nowMs), ...explainAttempts(entry.tried, nowMs)].map(
      (line) => `  ${line}`,
    ),
  ]
    .map(harmless)
    .join("\n");
}

const checkCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("check")
          .description("compare the spool files with their index")
          .option("--repair", "make the index agree with the files"),
      ),
    ).action((options: QueueOptions & { repair?: boolean }) =>
      withQueue(options, async (queue) => {
        const report = await queue.check({ repair: options.repair === true });
        print(options.json === true ? JSON.stringify(report, null, 2) : reportInWords(report));
      }),
    ),
    ["queue check", "queue check --repair"],
  );

function reportInWords(report: object): string {
  return Object.entries(report)
    .map(([key, value]) => {
      const shown = Array.isArray(value)
        ? value.length === 0
          ? "none"
          : `\n  ${value.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n  ")}`
        : String(value);
      return `${key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${shown}`;
    })
    .join("\n");
}

/** Commands that change entries: name, what it does, what is said afterwards. */
const changes = [
  ["retry", "try it now instead of later", "is due now"],
  ["hold", "stop it until it is resumed", "is on hold"],
  ["resume", "let go on what was on hold", "goes on"],
  ["release", "the same as resume", "goes on"],
  ["remove", "take it out for good; the sender is not told", "is removed"],
] as const;

const changeCommands = () =>
  changes.map(([name, description, outcome]) =>
    withExamples(
      withJsonOption(withSourceOptions(changeCommand(name, description))).action(
        async (ids: string[], options: ChangeOptions) => {
          await withQueue(options, async (queue, trail) => {
            const { meant, shared } = await meantBy(queue, ids, options);
            if (isResume(name) && options.rule === undefined && ids.length === 0) {
              throw usageFailure("Say which: an id or more, or --rule with the name of a rule");
            }
            const results =
              options.rule === undefined
                ? await changeEach(queue, trail, { name, ids: meant })
                : await resumeHeldBy(queue, options.rule, ids);
            if (options.json === true) print(JSON.stringify(results, null, 2));
            else for (const result of results) print(`${result.id} ${wordsOf(result, outcome)}`);
            if (options.json !== true) for (const id of shared) print(`${id} ${SHARED}`);
          });
        },
      ),
      [`queue ${name} 0mfv3k2q8a1b2c3d`, ...(moreExamples.get(name) ?? [])],
    ),
  );

type ChangeName = (typeof changes)[number][0];

const moreExamples: ReadonlyMap<ChangeName, readonly string[]> = new Map([
  ["resume", ["queue resume --rule mass-mail"]],
  ["release", ["queue release --rule mass-mail"]],
  [
    "remove",
    ["queue remove --domain gone.example", "queue remove --from scanner@example.org --yes"],
  ],
]);

interface ChangeOptions extends QueueOptions {
  readonly rule?: string;
  readonly from?: string;
  readonly domain?: string;
}

const SHARED = "waits for other domains too, and is left; remove it by its id";

/**
 * The entries of these ids, or all from a sender or for a domain. Of a domain only those that wait for no other: an
 * entry goes as a whole.
 */
async function meantBy(
  queue: Queue,
  ids: readonly string[],
  { from, domain }: Pick<ChangeOptions, "from" | "domain">,
): Promise<{ readonly meant: readonly string[]; readonly shared: readonly string[] }> {
  if (from === undefined && domain === undefined) return { meant: ids, shared: [] };
  const meant: string[] = [];
  const shared: string[] = [];
  for await (const { id, reversePath, recipients } of entriesOf(queue)) {
    const open = recipients.filter(({ state }) => state.kind !== "final");
    const isFor = open.map(({ destination }) => destination === (domain ?? destination));
    if (!isSender(reversePath, from) || !isFor.includes(true)) continue;
    (isFor.includes(false) ? shared : meant).push(id);
  }
  if (meant.length > 0 || shared.length > 0) return { meant, shared };
  throw new CommandFailure(
    'There is nothing of that in the queue; "posthouse queue list" shows all',
  );
}

/** Exactly: a part of an address would fit to more than was meant. `<>` has sent reports about other mail. */
const isSender = (reversePath: string, from?: string): boolean =>
  from === undefined || reversePath.toLowerCase() === (from === "<>" ? "" : from.toLowerCase());

async function* entriesOf(queue: Queue): AsyncGenerator<QueueEntryDetail> {
  let afterId = "";
  for (;;) {
    const page = await queue.list({ afterId });
    if (page.length === 0) return;
    afterId = page.at(-1)?.id ?? "";
    yield* page;
  }
}

const isResume = (name: ChangeName): boolean => name === "resume" || name === "release";

function changeCommand(name: ChangeName, description: string): Command {
  const command = new Command(name).description(description);
  if (isResume(name)) {
    return command
      .argument("[id...]")
      .option("--rule <name>", "all that this rule of smtp_out.hold stopped");
  }
  const about = "message ids, entries' ids, or beginnings that only one has";
  if (name !== "remove") return command.argument("<id...>", about);
  return asking(
    command
      .argument("[id...]", about)
      .option("--from <address>", 'all of this sender; "<>" for reports about other mail')
      .option("--domain <name>", "all for this domain and no other", (text) => text.toLowerCase()),
    removalOf,
    ({ args, options }) =>
      withQueue(options as SourceOptions, async (queue) => {
        const { meant, shared } = await meantBy(queue, args, options as ChangeOptions);
        for (const id of meant) if ((await queue.show(id)).length === 0) throw nothingLike(id);
        if (args.length === 0) print(counted(meant.length, "entry", "entries"));
        for (const id of shared) print(`${id} ${SHARED}`);
      }),
  );
}

function removalOf({ args, options: { from, domain } }: Typed): string {
  const isFiltered = from !== undefined || domain !== undefined;
  if (isFiltered && args.length > 0) throw usageFailure("Say either ids, or --from and --domain");
  if (!isFiltered && args.length === 0) {
    throw usageFailure("Say which: an id or more, or --from or --domain");
  }
  if (!isFiltered) return `Remove ${args.join(", ")} from the queue, for good?`;
  const parts = [
    ...(from === undefined ? [] : [`from ${String(from)}`]),
    ...(domain === undefined ? [] : [`for ${String(domain)}`]),
  ];
  return `Remove all mail ${parts.join(" and ")} from the queue, for good?`;
}

const eventOf = {
  retry: "retried",
  hold: "held",
  resume: "resumed",
  release: "resumed",
  remove: "removed",
} as const;

async function changeEach(
  queue: Queue,
  trail: EventTrail,
  { name, ids }: { readonly name: ChangeName; readonly ids: readonly string[] },
): Promise<AdminResult[]> {
  const results: AdminResult[] = [];
  for (const id of ids) {
    const changed = await noted(queue, trail, { id, type: eventOf[name] }, () =>
      queue[name === "release" ? "resume" : name](id),
    );
    if (changed.length === 0) throw nothingLike(id);
    results.push(...changed);
  }
  return results;
}

/** What was done stands in the trail of each message, for `posthouse trace`. */
async function noted(
  queue: Queue,
  trail: EventTrail,
  { id, ...event }: Pick<EventRecord, "type"> & { readonly id: string; readonly untilMs?: number },
  change: () => Promise<AdminResult[]>,
): Promise<AdminResult[]> {
  const messageIds = new Map((await queue.show(id)).map((one) => [one.id, one.messageId]));
  const results = await change();
  for (const result of results) {
    const messageId = messageIds.get(result.id);
    if (result.kind === "done" && messageId !== undefined) trail.record({ ...event, messageId });
  }
  return results;
}

async function resumeHeldBy(
  queue: Queue,
  rule: string,
  ids: readonly string[],
): Promise<AdminResult[]> {
  if (ids.length > 0) throw usageFailure("Say either ids or --rule, not both");
  const results = await queue.resumeHeldBy(rule);
  if (results.length > 0) return results;
  throw new CommandFailure(
    `The rule "${harmless(rule)}" stopped nothing that is still in the queue; see "posthouse queue list --state on-hold"`,
  );
}

function wordsOf({ kind }: AdminResult, outcome: string): string {
  if (kind === "being-sent") return "is being sent at this moment; nothing was changed";
  if (kind === "on-hold") return "is on hold; resume it first";
  return outcome;
}

const scheduleCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("schedule")
        .description("send it at a time and not before; remove and retry work until then")
        .argument("<id>", "a message id, an entry's id, or a beginning that only one has")
        .argument("<time>", "2026-12-24T18:00:00Z, or from now: 30m, 12h, 3d", timeOf),
    ).action((id: string, untilMs: number, options: QueueOptions) =>
      withQueue(options, async (queue, trail) => {
        const results = await noted(queue, trail, { id, type: "scheduled", untilMs }, () =>
          queue.schedule(id, untilMs),
        );
        if (results.length === 0) throw nothingLike(id);
        const outcome = `is sent at ${new Date(untilMs).toISOString()}`;
        for (const result of results) print(`${result.id} ${wordsOf(result, outcome)}`);
      }),
    ),
    ["queue schedule 0mfv3k2q8a1b2c3d 2026-12-24T18:00:00Z", "queue schedule 0mfv3k2q 2h"],
  );

function timeOf(text: string): number {
  if (/^\d+[mhd]$/u.test(text)) return Date.now() + durationOf(text);
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs) || atMs <= Date.now()) {
    throw usageFailure(
      `"${text}" is not a time to come, such as 2026-12-24T18:00:00Z, 30m, 12h or 3d`,
    );
  }
  return atMs;
}

const flushCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("flush")
        .description("try all mail for a domain now: its host is back")
        .argument("<domain>"),
    ).action((domain: string, options: QueueOptions) =>
      withQueue(options, async (queue) => {
        const count = await queue.flush(domain);
        print(`${counted(count, "message")} for ${domain} became due now`);
      }),
    ),
    ["queue flush example.net"],
  );

const nothingLike = (id: string) =>
  new CommandFailure(
    `There is nothing "${harmless(id)}" in the queue; "posthouse queue list" shows all, "posthouse trace" what became of the rest`,
  );

/** With the files of the spool looked at, and the trail that what is done by hand stands in. */
const withQueue = (
  options: SourceOptions,
  work: (queue: Queue, trail: EventTrail) => Promise<void>,
): Promise<void> =>
  withQueueOf(options, async (queue, config) => {
    await queue.scan();
    await using trail = openEventTrail({
      directory: config.paths.events,
      app: "cli",
      keepDays: config.events.keepDays,
      complain: (error) =>
        process.stderr.write(
          `posthouse: Cannot write the event trail: ${(error as Error).message}\n`,
        ),
    });
    await work(queue, trail);
  });
