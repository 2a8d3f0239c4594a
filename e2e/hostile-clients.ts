import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectionEnded, Dialogue } from "./dialogue.ts";
import { alice } from "./people.ts";

/** Where an attack goes to, and from where. */
export interface Target {
  readonly smtp: number;
  readonly submission: number;
  readonly localAddress: string;
  /** More than a message may have. */
  readonly messageBytesMax: number;
  /** The attacks are over. */
  readonly isOver: () => boolean;
}

/** One visit of a hostile client. Whatever the server lets it do that it may not is an AssertionError. */
type Attack = (target: Target) => Promise<void>;

const HELLO = "EHLO enemy.example\r\n";
const ENVELOPE = `MAIL FROM:<enemy@enemy.example>\r\nRCPT TO:<${alice}>\r\n`;
const HEADER = "From: enemy@enemy.example\r\nSubject: hostile\r\n\r\n";
const KIB = 1024;

/** All that the server says to this, up to the close that `QUIT` or the server brings. */
async function said(octets: string | Buffer, target: Target, port = target.smtp): Promise<string> {
  using dialogue = await Dialogue.open(port, target);
  try {
    await dialogue.write(octets);
  } catch (error) {
    if (!(error instanceof ConnectionEnded)) throw error;
  }
  return (await dialogue.rest()).toString("latin1");
}

const isTaken = (text: string): boolean => /^250 2\.0\.0 Ok: queued/m.test(text);

/** Ends of data that are none, with another message behind them. */
const smuggledEnds = [
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r\n.\r",
  "\r\n\0.\r\n",
  "\r\r\n.\r\r\n",
];

const smuggling: Attack = async (target) => {
  for (const end of smuggledEnds) {
    const inner = `${ENVELOPE}DATA\r\n${HEADER}smuggled\r\n.\r\n`;
    const text = await said(`${HELLO}${ENVELOPE}DATA\r\n${HEADER}hi${end}${inner}QUIT\r\n`, target);
    assert.ok(!isTaken(text), `${JSON.stringify(end)} was taken: ${text}`);
  }
};

const dictionary: Attack = async (target) => {
  const names = Array.from({ length: 100 }, () => randomBytes(4).toString("hex"));
  const lines = names.map((name) => `RCPT TO:<${name}@example.test>\r\n`).join("");
  const text = await said(`${HELLO}MAIL FROM:<>\r\n${lines}${lines}${lines}QUIT\r\n`, target);
  assert.doesNotMatch(text, /^250 2\.1\.5/m);
};

const passwords: Attack = async (target) => {
  const guesses = Array.from({ length: 6 }, () => {
    const plain = `\0${alice}\0${randomBytes(4).toString("hex")}`;
    return `AUTH PLAIN ${Buffer.from(plain).toString("base64")}\r\n`;
  });
  const text = await said(`${HELLO}${guesses.join("")}QUIT\r\n`, target, target.submission);
  assert.doesNotMatch(text, /^235/m);
};

const relaying: Attack = async (target) => {
  const elsewhere = [
    "a@elsewhere.example",
    `a%elsewhere.example@example.test`,
    `"a@elsewhere.example"@example.test`,
  ];
  const lines = elsewhere.map((one) => `RCPT TO:<${one}>\r\n`).join("");
  const text = await said(`${HELLO}MAIL FROM:<${alice}>\r\n${lines}QUIT\r\n`, target);
  assert.doesNotMatch(text, /^250 2\.1\.5/m);
};

/** An octet now and then, in a command, or in a message that never ends. */
const slowLoris: Attack = async (target) => {
  const inMessage = Math.random() < 0.5;
  using dialogue = await Dialogue.open(target.smtp, target);
  if (inMessage) await dialogue.write(`${HELLO}${ENVELOPE}DATA\r\n${HEADER}`);
  for (let count = 0; count < 100 && !target.isOver(); count++) {
    await dialogue.write("x");
    await delay(100);
  }
};

const garbage: Attack = async (target) => {
  const forms = [
    randomBytes(64 * KIB),
    Buffer.from("GET / HTTP/1.1\r\nHost: mail.example.test\r\n\r\n"),
    Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1, 0]), randomBytes(509)]),
    Buffer.from("x".repeat(200 * KIB)),
    Buffer.from(`${HELLO}${"NOOP\r\n".repeat(200)}${"WHAT\r\n".repeat(40)}`),
    Buffer.from(
      `MAIL FROM:<${"<".repeat(2000)}\r\nRCPT TO:<\xff\xfe>\r\nBDAT 99999999999999999999\r\n`,
    ),
  ];
  for (const octets of forms) {
    using dialogue = await Dialogue.open(target.smtp, target);
    await dialogue.write(octets);
    dialogue.end();
    await dialogue.rest();
  }
};

const oversize: Attack = async (target) => {
  const line = `${"x".repeat(998)}\r\n`;
  const body = line.repeat(Math.ceil((target.messageBytesMax * 1.5) / line.length));
  const data = `${HELLO}${ENVELOPE}DATA\r\n${HEADER}${body}.\r\nQUIT\r\n`;
  const chunk = `${HELLO}${ENVELOPE}BDAT ${body.length} LAST\r\n${body}QUIT\r\n`;
  const lie = `${HELLO}MAIL FROM:<a@b.example> SIZE=${target.messageBytesMax + 1}\r\nQUIT\r\n`;
  for (const octets of [data, chunk, lie]) assert.ok(!isTaken(await said(octets, target)));
};

/** What comes in the clear behind STARTTLS is said by anybody (RFC 3207 §5). */
const injection: Attack = async (target) => {
  using dialogue = await Dialogue.open(target.smtp, target);
  await dialogue.line();
  const inner = `${HELLO}${ENVELOPE}DATA\r\n${HEADER}injected\r\n.\r\n`;
  await dialogue.write(`${HELLO}STARTTLS\r\n${inner}`);
  for (let line = await dialogue.line(); !line.startsWith("220 2."); ) line = await dialogue.line();
  // The server threw it away: it may break the handshake, and it may be answered by nothing.
  await dialogue.startTls();
  await dialogue.write("QUIT\r\n");
  const text = (await dialogue.rest()).toString("latin1");
  assert.doesNotMatch(text, /^(?:250|354)/m);
};

/** Half a message, and gone. */
const halfMessage: Attack = async (target) => {
  using dialogue = await Dialogue.open(target.smtp, target);
  await dialogue.write(`${HELLO}${ENVELOPE}DATA\r\n${HEADER}${"half\r\n".repeat(5000)}`);
  dialogue.reset();
};

/** In circles, and with a header without end. */
const headers: Attack = async (target) => {
  const circle = `${"Received: from a by b; now\r\n".repeat(60)}${HEADER}hi\r\n.\r\n`;
  const authors = `${"From: a@b.example\r\n".repeat(2)}\r\nhi\r\n.\r\n`;
  for (const message of [circle, authors]) {
    const text = await said(`${HELLO}${ENVELOPE}DATA\r\n${message}QUIT\r\n`, target);
    assert.ok(!isTaken(text), text);
  }
};

/** As many connections as it is let have, and nothing said. */
const flood: Attack = async (target) => {
  const opened = await Promise.allSettled(
    Array.from({ length: 30 }, () => Dialogue.open(target.smtp, target)),
  );
  for (let count = 0; count < 10 && !target.isOver(); count++) await delay(100);
  for (const one of opened) if (one.status === "fulfilled") one.value[Symbol.dispose]();
};

const attacks: Readonly<Record<string, Attack>> = {
  smuggling,
  dictionary,
  passwords,
  relaying,
  slowLoris,
  garbage,
  oversize,
  injection,
  halfMessage,
  headers,
  flood,
};

/**
 * Hostile clients of every kind, each kind again and again until they are stopped, from an address of its own that
 * changes after some visits: who is banned comes back as somebody else.
 */
export class HostileClients implements AsyncDisposable {
  /** Visits that came to their end, by kind. */
  readonly visits = new Map<string, number>();
  readonly #running: Promise<void>[];
  #isOver = false;

  constructor(target: Omit<Target, "localAddress" | "isOver">) {
    this.#running = Object.entries(attacks).map(([kind, attack], at) =>
      this.#run(kind, attack, { ...target, isOver: () => this.#isOver }, at),
    );
  }

  /** Fails when the server let one of them do what it may not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #run(
    kind: string,
    attack: Attack,
    target: Omit<Target, "localAddress">,
    at: number,
  ): Promise<void> {
    for (let visit = 0; !this.#isOver; visit++) {
      const localAddress = `127.${10 + at}.${Math.floor(visit / 10) % 250}.1`;
      try {
        await attack({ ...target, localAddress });
        await delay(5);
        this.visits.set(kind, (this.visits.get(kind) ?? 0) + 1);
      } catch (error) {
        if (!isConnectionError(error)) throw new Error(`${kind} ended otherwise`, { cause: error });
        await delay(20);
      }
    }
  }
}

/** Turned away, which is what they have to expect. */
const isConnectionError = (error: unknown): boolean =>
  error instanceof ConnectionEnded || /^E[A-Z]+$/.test(String((error as { code?: unknown }).code));
