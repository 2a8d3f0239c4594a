import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";
import { BelievingClient, type Copied } from "../../apps/imap/test/believing-client.ts";
import {
  compare,
  mailboxes,
  pick,
  type Random,
  randomOf,
  type Step,
  steps,
  uidSteps,
} from "../../apps/imap/test/random-steps.ts";
import { LmtpConnection } from "../../bench/lmtp-load.ts";
import { connectAdmin } from "../../packages/accounts/src/index.ts";
import { connectTo } from "../../packages/transcript/src/index.ts";
import { collectingEnv, memoryCollected } from "../app-memory.ts";
import { type Suite, startSuite } from "../suite.ts";

/**
 * 200 clients of ten accounts, all at once and at random, while mail comes in. Each believes what it is told, and
 * fails on what cannot be (BelievingClient); one ledger for all of them knows which message each UID was given to,
 * and who has won a STORE UNCHANGEDSINCE; some come back after a while with what they knew (QRESYNC); and every
 * quarter of a minute or so all stop, and what each believes is held against what is there.
 */
const SECONDS = Number(process.env.POSTHOUSE_IMAP_SOAK_SECONDS ?? 60);
const SEED = Number(process.env.POSTHOUSE_IMAP_SOAK_SEED ?? 1);
const CLIENTS = Number(process.env.POSTHOUSE_IMAP_SOAK_CLIENTS ?? 200);
const ACCOUNTS = 10;
const PERIOD_MS = 20_000;
/** What each client has enabled; NOTIFY only where CLOSED says to which mailbox a response belongs. */
const roles: readonly Role[] = [
  {},
  { hasQresync: true },
  { hasRev2: true },
  { isUidOnly: true },
  { hasQresync: true, isNotified: true },
  { hasRev2: true, isNotified: true },
  { hasQresync: true, hasRev2: true },
  { hasQresync: true, isUidOnly: true },
];
/** More than this in one mailbox, and a client clears it. */
const MESSAGES_MAX = 60;
/** Lines of the client that failed, and of each other one on its mailbox, in the report. */
const LINES_SHOWN = 60;
const LINES_OF_OTHERS_SHOWN = 25;
const PASSWORD = "a soak of clients";

/** What imap may hold more at the end than after its first fifth, without garbage; and what the kernel gives it. */
const GROWTH_MIB_MAX = 32;
const RESIDENT_GROWTH_MIB_MAX = 64;

test(`${CLIENTS} clients at random see what is there, and imap does not grow (seed ${SEED})`, {
  timeout: SECONDS * 1000 + 300_000,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "imap-soak-"));
  await using _removed = {
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
  await using suite = await startSuite({ directory, env: collectingEnv(directory) });
  const people = await addPeople(suite);
  const random = randomOf(SEED);
  const ledger = new Ledger();
  const clients: SoakClient[] = [];
  t.diagnostic(`POSTHOUSE_IMAP_SOAK_SEED=${SEED} POSTHOUSE_IMAP_SOAK_CLIENTS=${CLIENTS}`);
  const memory: NodeJS.MemoryUsage[] = [];
  const imapPid = await suite.pidOf("imap");
  try {
    for (let number = 0; number < CLIENTS; number += 1) {
      const user = people[number % ACCOUNTS] ?? "";
      const options = { user, number, ledger, random: randomOf(random(2 ** 31)) };
      clients.push(await SoakClient.open(suite, options));
    }
    const endMs = Date.now() + SECONDS * 1000;
    while (Date.now() < endMs) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), Math.min(PERIOD_MS, endMs - Date.now()));
      const mail = deliver(suite, people, stop.signal);
      const work = clients.map((client) => client.work(stop.signal));
      // When one has failed the others stop, and nothing is left running.
      for (const one of work) one.catch(() => stop.abort());
      await Promise.allSettled([...work, mail]);
      clearTimeout(timer);
      await Promise.all([...work, mail]);
      await Promise.all(clients.map((client) => client.compare()));
      await agree(clients);
      memory.push(await memoryCollected(directory, imapPid));
    }
  } catch (error) {
    const text = await describeFailure(clients, suite);
    // Where disposing fails, too, nothing else is printed of the error.
    t.diagnostic(`${text}\n${inspect(error)}`);
    throw new Error(text, { cause: error });
  } finally {
    for (const client of clients) client.close();
  }
  const commands = clients.reduce((sum, client) => sum + client.commands, 0);
  t.diagnostic(`${commands} commands, ${ledger.size} messages, ${memory.length} comparisons`);
  report(t, memory);
});

/** Who failed at what, believing what; and a file with what it and all others on that mailbox said and heard. */
async function describeFailure(clients: readonly SoakClient[], suite: Suite): Promise<string> {
  const failed = clients.filter(({ failure }) => failure !== undefined);
  const places = new Set(failed.map(({ picture }) => picture.place));
  const others = clients.filter(
    (one) => one.failure === undefined && places.has(one.picture.place),
  );
  const path = join(tmpdir(), `imap-soak-${process.pid}.txt`);
  const parts = [
    ...failed.map((one) => one.describe(LINES_SHOWN)),
    ...others.map((one) => one.describe(LINES_OF_OTHERS_SHOWN)),
    ...suite.log.slice(-20),
  ];
  await writeFile(path, `seed ${SEED}\n${parts.join("\n\n")}\n`);
  const what = failed.map((one) => `${one.title}: ${one.failure}`);
  return [`Seed ${SEED}; dialogues and beliefs are in ${path}`, ...what].join("\n");
}

function report(
  t: { diagnostic(text: string): void },
  memory: readonly NodeJS.MemoryUsage[],
): void {
  const early = Math.floor(memory.length / 5);
  const grownMib = (what: string, bytesOf: (one: NodeJS.MemoryUsage) => number): number => {
    const mib = memory.map((one) => bytesOf(one) / 1024 ** 2);
    t.diagnostic(`${what}, MiB: ${mib.map((one) => one.toFixed(0)).join(" ")}`);
    return (mib.at(-1) ?? Number.NaN) - (mib[early] ?? Number.NaN);
  };
  const held = grownMib("held", ({ heapUsed, external }) => heapUsed + external);
  const resident = grownMib("resident", ({ rss }) => rss);
  assert.ok(held < GROWTH_MIB_MAX, `imap holds ${held.toFixed(0)} MiB more`);
  assert.ok(resident < RESIDENT_GROWTH_MIB_MAX, `imap has grown by ${resident.toFixed(0)} MiB`);
}

async function addPeople(suite: Suite): Promise<readonly string[]> {
  await using admin = connectAdmin({ socketPath: join(suite.directory, "run", "auth-admin.sock") });
  const people: string[] = [];
  for (let number = 0; number < ACCOUNTS; number += 1) {
    const address = `soak${number}@example.test`;
    await admin.addAccount({ address, password: PASSWORD });
    people.push(address);
  }
  return people;
}

/** By LMTP, as all mail comes: another process, whose changes must reach those who idle. */
async function deliver(suite: Suite, people: readonly string[], signal: AbortSignal) {
  const lmtp = await LmtpConnection.open(join(suite.directory, "run", "lmtp.sock"));
  try {
    for (let number = 0; !signal.aborted; number += 1) {
      const octets = `Subject: delivered\r\n\r\n${number}\r\n.\r\n`;
      await lmtp.deliver(people[number % people.length] ?? "", Buffer.from(octets));
      await delay(50);
    }
  } finally {
    lmtp.close();
  }
}

/** Which message each UID means, as APPEND and COPY told it and whoever fetched it saw it: for ever the same one. */
class Ledger {
  readonly #subjects = new Map<string, string>();
  readonly #winners = new Map<string, string>();

  get size(): number {
    return this.#subjects.size;
  }

  note(place: string, uid: number, subject: string): void {
    const key = `${place} ${uid}`;
    const known = this.#subjects.get(key);
    assert.equal(subject, known ?? subject, `${key} was another message before`);
    this.#subjects.set(key, subject);
  }

  /** A copy is what it was copied from. */
  noteCopy(from: string, uid: number, to: string, copyUid: number): void {
    const subject = this.#subjects.get(`${from} ${uid}`) ?? this.#subjects.get(`${to} ${copyUid}`);
    if (subject === undefined) return;
    this.note(from, uid, subject);
    this.note(to, copyUid, subject);
  }

  /** RFC 7162 §3.1.3: of all who want to change what they saw at one modseq, one does. */
  noteWinner(place: string, uid: number, modSeq: number, name: string): void {
    const key = `${place} ${uid} ${modSeq}`;
    const other = this.#winners.get(key);
    assert.equal(other, undefined, `${key} was changed by two`);
    this.#winners.set(key, name);
  }
}

interface Role {
  readonly hasQresync?: true;
  readonly hasRev2?: true;
  readonly isUidOnly?: true;
  readonly isNotified?: true;
}

/** What a client keeps on its disk when it leaves a mailbox. */
interface Memory {
  readonly uidValidity: number;
  readonly highestModSeq: number;
  readonly flags: ReadonlyMap<number, string>;
}

interface SoakOptions {
  readonly user: string;
  readonly number: number;
  readonly ledger: Ledger;
  readonly random: Random;
}

class SoakClient {
  readonly user: string;
  commands = 0;
  /** What it could not believe. */
  failure: Error | undefined;
  readonly #client: BelievingClient;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #memories = new Map<string, Memory>();
  #mailbox = "";

  private constructor(client: BelievingClient, { user, random, ledger }: SoakOptions) {
    this.user = user;
    this.#client = client;
    this.#random = random;
    this.#ledger = ledger;
    client.onCopied = (copied) => this.#noteCopied(copied);
  }

  static async open(suite: Suite, options: SoakOptions): Promise<SoakClient> {
    const socket = await connectTo({ port: suite.portOf("imap") });
    const client = new BelievingClient(`c${options.number}x`, socket);
    await client.finish("* OK");
    assert.match(await client.run(`LOGIN ${options.user} "${PASSWORD}"`), / OK /);
    await takeRole(client, roles[Math.floor(options.number / ACCOUNTS) % roles.length] ?? {});
    // Whoever comes second finds it there.
    await client.run("CREATE Archive");
    const one = new SoakClient(client, options);
    await one.#select("INBOX");
    return one;
  }

  get title(): string {
    return `${this.#client.name} at ${this.#place}, in ${JSON.stringify(this.#client.command)}`;
  }

  describe(lines: number): string {
    const failure = this.failure === undefined ? "" : `${this.failure.stack}\n`;
    const { beliefs } = this.#client;
    return `--- ${this.title}\n${failure}It believes:\n${beliefs}\n${this.#client.lastLines(lines)}`;
  }

  /** What it sees: the mailbox that it has selected, and what it believes to be in it. */
  get picture(): { readonly place: string; readonly messages: BelievingClient["messages"] } {
    return { place: this.#place, messages: this.#client.messages };
  }

  get #place(): string {
    return `${this.user} ${this.#mailbox} ${this.#client.uidValidity}`;
  }

  async work(signal: AbortSignal): Promise<void> {
    await this.check(async () => {
      while (!signal.aborted) {
        await this.#step(signal);
        this.commands += 1;
      }
    });
  }

  async compare(): Promise<void> {
    await this.check(() => compare(this.#client));
  }

  /** What fails in it is told as this client's. */
  async check(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
  }

  close(): void {
    this.#client.close();
  }

  async #step(signal: AbortSignal): Promise<void> {
    const kind = this.#random(10);
    if (this.#client.messages.length > MESSAGES_MAX) await this.#clear();
    else if (kind === 0) await this.#select(pick(this.#random, mailboxes));
    else if (kind === 1) await this.#append();
    else if (kind === 2) await this.#read();
    else if (kind === 3) await this.#claim();
    else {
      const until = this.#random(1000);
      await pick<Step>(this.#random, this.#client.isUidOnly ? uidSteps : stepsInPlace)(
        this.#client,
        this.#random,
        delay(until, undefined, { signal }).catch(() => {}),
      );
    }
  }

  async #select(mailbox: string): Promise<void> {
    const leave = pick(this.#random, ["", "", "CLOSE", "UNSELECT"]);
    if (leave !== "" && this.#mailbox !== "") await this.#client.leave(leave);
    if (this.#client.hasQresync && this.#random(2) === 0) {
      await this.#comeBack(mailbox);
      return;
    }
    if (this.#random(4) === 0) await this.#examine(mailbox);
    await this.#client.select(`SELECT ${mailbox}`);
    this.#mailbox = mailbox;
  }

  /** Looks, and changes nothing. */
  async #examine(mailbox: string): Promise<void> {
    await this.#client.select(`EXAMINE ${mailbox}`);
    this.#mailbox = mailbox;
    assert.match(await this.#client.run("UID FETCH 1:* (FLAGS BODY[]<0.9>)"), / OK /);
    assert.match(await this.#client.run("UID STORE 1 +FLAGS (\\Seen)"), / NO /);
  }

  /**
   * RFC 7162 §3.2.5.1: what it knew and what it is told make what was there at the HIGHESTMODSEQ that SELECT said,
   * message for message; only what has a higher modseq by then may be otherwise.
   */
  async #comeBack(mailbox: string): Promise<void> {
    const client = this.#client;
    const known = this.#memories.get(mailbox);
    client.vanishedEarlier = [];
    const parameter =
      known === undefined ? "" : ` (QRESYNC (${known.uidValidity} ${known.highestModSeq}))`;
    await client.select(`SELECT ${mailbox}${parameter}`);
    this.#mailbox = mailbox;
    const { uidValidity, highestModSeq } = client;
    const flags = new Map(known?.flags);
    for (const uid of client.vanishedEarlier) flags.delete(uid);
    for (const { uid, flags: told } of client.messages) {
      if (uid !== undefined) flags.set(uid, keyOf(told));
    }
    if (known !== undefined) assert.equal(flags.size, client.messages.length, "QRESYNC");
    client.onFetch = (response) => {
      const uid = fetchedUid(response);
      const [, modSeq] = /MODSEQ \((\d+)\)/.exec(response) ?? [];
      const [, told = ""] = /[( ]FLAGS \(([^)]*)\)/.exec(response) ?? [];
      if (known === undefined || uid === undefined || Number(modSeq) > highestModSeq) return;
      const names = told.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent");
      assert.equal(flags.get(uid), keyOf(names), `QRESYNC of UID ${uid}`);
    };
    assert.match(await client.run("UID FETCH 1:* (FLAGS MODSEQ)"), / OK /);
    client.onFetch = undefined;
    const now = client.messages.flatMap(({ uid, flags: told }) =>
      uid === undefined ? [] : [[uid, keyOf(told)] as const],
    );
    this.#memories.set(mailbox, { uidValidity, highestModSeq, flags: new Map(now) });
  }

  /** Changes a flag if nobody else has changed the message meanwhile (RFC 7162 §3.1.3): one of them all can. */
  async #claim(): Promise<void> {
    const client = this.#client;
    const uid = pick(this.#random, client.messages)?.uid;
    if (uid === undefined) return;
    let last = "";
    client.onFetch = (response) => {
      if (fetchedUid(response) === uid) last = response;
    };
    assert.match(await client.run(`UID FETCH ${uid} (FLAGS MODSEQ)`), / OK /);
    const [, modSeq] = /MODSEQ \((\d+)\)/.exec(last) ?? [];
    const [, flags = ""] = /[( ]FLAGS \(([^)]*)\)/.exec(last) ?? [];
    last = "";
    if (modSeq !== undefined) {
      const item = flags.split(" ").includes("Play") ? "-FLAGS" : "+FLAGS";
      const text = `UID STORE ${uid} (UNCHANGEDSINCE ${modSeq}) ${item} (Play)`;
      const answer = await client.run(text);
      assert.match(answer, / OK /);
      const isChanged = last !== "" && !answer.includes("[MODIFIED ");
      if (isChanged) this.#ledger.noteWinner(this.#place, uid, Number(modSeq), client.name);
    }
    client.onFetch = undefined;
  }

  #noteCopied({ uidValidity, sources, targets }: Copied): void {
    const target = this.#client.command.split(" ").at(-1) ?? "";
    const to = `${this.user} ${target} ${uidValidity}`;
    for (const [at, uid] of sources.entries()) {
      this.#ledger.noteCopy(this.#place, uid, to, targets[at] ?? 0);
    }
  }

  /** A message like no other, and what UID it has. */
  async #append(): Promise<void> {
    const mailbox = pick(this.#random, mailboxes);
    const subject = `${this.#client.name}${this.commands}`;
    const message = `Subject: ${subject}\r\n\r\n${"x".repeat(this.#random(20_000))}\r\n`;
    const answer = await this.#client.run(`APPEND ${mailbox} {${message.length}+}\r\n${message}`);
    const [, uidValidity, uid] = /\[APPENDUID (\d+) (\d+)\]/.exec(answer) ?? [];
    assert.ok(uidValidity !== undefined, answer);
    this.#ledger.note(`${this.user} ${mailbox} ${uidValidity}`, Number(uid), subject);
  }

  /** Whatever it can see, with what it is. */
  async #read(): Promise<void> {
    const place = this.#place;
    this.#client.onFetch = (response) => {
      const uid = fetchedUid(response);
      const [, subject] = /\r\nSubject: (\S*)\r\n/.exec(response) ?? [];
      if (uid !== undefined && subject !== undefined) {
        this.#ledger.note(place, uid, subject);
      }
    };
    const what = pick(this.#random, ["BODY.PEEK[]", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"]);
    const answer = await this.#client.run(`UID FETCH 1:* (${what})`);
    this.#client.onFetch = undefined;
    assert.match(answer, / (OK|NO \[EXPUNGEISSUED\]) /);
  }

  async #clear(): Promise<void> {
    const half = Math.ceil(this.#client.messages.length / 2);
    const middle = this.#client.messages[half]?.uid ?? "*";
    const which = this.#client.isUidOnly ? `UID STORE 1:${middle}` : `STORE 1:${half}`;
    const answer = await this.#client.run(`${which} +FLAGS (\\Deleted)`);
    assert.match(answer, / (OK|NO \[EXPUNGEISSUED\]) /);
    assert.match(await this.#client.run("EXPUNGE"), / OK /);
  }
}

async function takeRole(client: BelievingClient, role: Role): Promise<void> {
  const { hasQresync = false, hasRev2 = false, isUidOnly = false, isNotified = false } = role;
  const names = [
    ...(hasQresync ? ["QRESYNC"] : []),
    ...(hasRev2 ? ["IMAP4rev2"] : []),
    ...(isUidOnly ? ["UIDONLY"] : []),
  ];
  if (names.length > 0) assert.match(await client.run(`ENABLE ${names.join(" ")}`), / OK /);
  Object.assign(client, { hasQresync, hasRev2, isUidOnly, isNotified });
  if (!isNotified) return;
  const events = "(MessageNew (UID FLAGS) MessageExpunge FlagChange)";
  assert.match(await client.run(`NOTIFY SET (selected-delayed ${events})`), / OK /);
}

const keyOf = (flags: Iterable<string> = []): string => [...flags].sort().join(" ");

/** The UID that a FETCH or a UIDFETCH names. */
function fetchedUid(response: string): number | undefined {
  const [, only, uid] = /^\* (?:(\d+) UIDFETCH|\d+ FETCH \([^{]*?UID (\d+))/.exec(response) ?? [];
  return only === undefined && uid === undefined ? undefined : Number(only ?? uid);
}

/** A step that selects would leave this client's idea of where it is behind. */
const stepsInPlace = steps.filter(({ name }) => name !== "selectAnother");

/** After compare() all have the same picture of the same mailbox. */
async function agree(clients: readonly SoakClient[]): Promise<void> {
  const pictures = new Map<string, string>();
  for (const client of clients) {
    const { picture } = client;
    const text = picture.messages
      .map(({ uid, flags = [] }) => `${uid} ${[...flags].sort().join(" ")}`)
      .join("\n");
    await client.check(() =>
      assert.equal(text, pictures.get(picture.place) ?? text, picture.place),
    );
    pictures.set(picture.place, text);
  }
}
