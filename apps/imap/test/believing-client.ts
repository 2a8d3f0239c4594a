import assert from "node:assert/strict";
import type { Socket } from "node:net";

/** One message as the client knows it; undefined is what it was never told. */
interface KnownMessage {
  uid: number | undefined;
  flags: ReadonlySet<string> | undefined;
}

/** What a STORE that is silent does to flags: the client has to work it out by itself. */
export interface FlagChange {
  readonly item: "FLAGS" | "+FLAGS" | "-FLAGS";
  readonly flags: readonly string[];
}

const NOTED_LINES_MAX = 2000;
const NOTED_CHARACTERS_MAX = 200;
/** No command takes this long, and IDLE is said to be on within it: it is stuck. */
const SILENCE_MS_MAX = 60_000;

/**
 * A client that believes what it is told: it keeps the list of messages that the untagged responses
 * make (RFC 3501 §7.3 and §7.4), and fails on a response that cannot be true of that list.
 */
export class BelievingClient {
  readonly name: string;
  messages: KnownMessage[] = [];
  /** It has enabled QRESYNC. */
  hasQresync = false;
  /** What VANISHED (EARLIER) named since this was emptied. */
  vanishedEarlier: number[] = [];
  /** The last HIGHESTMODSEQ and UIDVALIDITY that were told. */
  highestModSeq = 0;
  uidValidity = 0;
  /** Told of each FETCH as it comes, literals and all. */
  onFetch: ((response: string) => void) | undefined;
  readonly #socket: Socket;
  readonly #dialogue: string[] = [];
  #received = "";
  #hasEnded = false;
  #wake: (() => void) | undefined;
  #tagNumber = 0;
  /** The command that is running, without its tag. */
  #command = "";
  #found: readonly number[] = [];

  constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#received += text;
      this.#wake?.();
    });
    socket.on("close", () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
  }

  /** The last lines in both directions, each with its time in ms, by which those of several clients are in order. */
  get dialogue(): string {
    return this.lastLines(60);
  }

  lastLines(count: number): string {
    return this.#dialogue.slice(-count).join("\n");
  }

  /** What it holds to be in the mailbox, a message a line. */
  get beliefs(): string {
    const lines = this.messages.map(
      ({ uid = "?", flags }, at) =>
        `${at + 1}: UID ${uid} ${flags === undefined ? "?" : `(${[...flags].join(" ")})`}`,
    );
    return lines.join("\n");
  }

  /** The command that is running or was last, without its tag and what follows its first line. */
  get command(): string {
    return this.#command.split("\r\n", 1)[0] ?? "";
  }

  /** Sends a command, takes in its untagged responses, and gives the tagged one. */
  async run(command: string): Promise<string> {
    const tag = this.send(command);
    return await this.finish(tag);
  }

  send(command: string): string {
    this.#tagNumber += 1;
    const tag = `${this.name}${this.#tagNumber}`;
    this.#command = command;
    this.sendLine(`${tag} ${command}`);
    return tag;
  }

  sendLine(line: string): void {
    this.#note(`C: ${line}`);
    this.#socket.write(`${line}\r\n`, "latin1");
  }

  /** Takes in responses up to a line that begins with `start`, and gives that. */
  async finish(start: string): Promise<string> {
    for (;;) {
      const response = await this.#readResponse();
      this.#note(`S: ${response}`);
      this.#noteCode(response);
      if (response.startsWith(`${start} `)) return response;
      this.#takeIn(response);
    }
  }

  /** The numbers of a SEARCH, all of which it must have. */
  async search(command: string): Promise<readonly number[]> {
    this.#found = [];
    assert.match(await this.run(command), / OK /);
    for (const number of this.#found) assert.ok(number <= this.messages.length);
    return this.#found;
  }

  async select(command: string): Promise<void> {
    this.messages = [];
    assert.match(await this.run(command), / OK /);
  }

  /** A silent STORE was sent: the server need not say what follows from it. */
  expectFlags(message: KnownMessage | undefined, { item, flags }: FlagChange): void {
    if (message?.flags === undefined) return;
    const given = new Set(flags);
    if (item === "FLAGS") message.flags = given;
    else if (item === "+FLAGS") message.flags = message.flags.union(given);
    else message.flags = message.flags.difference(given);
  }

  close(): void {
    this.#socket.destroy();
  }

  #note(line: string): void {
    const atMs = performance.now().toFixed(1);
    this.#dialogue.push(`${atMs} ${line.slice(0, NOTED_CHARACTERS_MAX)}`);
    if (this.#dialogue.length > 2 * NOTED_LINES_MAX) this.#dialogue.splice(0, NOTED_LINES_MAX);
  }

  #takeIn(response: string): void {
    const [, earlier, vanished] = /^\* VANISHED (\(EARLIER\) )?([\d:,]+)$/.exec(response) ?? [];
    if (vanished !== undefined) {
      for (const uid of uidsOf(vanished)) this.#vanish(uid, earlier !== undefined);
      return;
    }
    if (response.startsWith("* SEARCH")) this.#found = (response.match(/\d+/g) ?? []).map(Number);
    const [, number = "", kind = ""] = /^\* (\d+) ([A-Z]+)/.exec(response) ?? [];
    switch (kind) {
      case "EXISTS":
        this.#grow(Number(number));
        return;
      case "RECENT":
        assert.ok(
          Number(number) <= this.messages.length,
          "more messages are recent than there are",
        );
        return;
      case "EXPUNGE":
        // RFC 3501 §7.4.1: not in answer to these, whose numbers it would move.
        assert.doesNotMatch(this.#command, /^(FETCH|STORE|SEARCH) /);
        assert.ok(!this.hasQresync, "EXPUNGE where VANISHED was asked for");
        this.#message(number);
        this.messages.splice(Number(number) - 1, 1);
        return;
      case "FETCH":
        this.onFetch?.(response);
        this.#learn(this.#message(number), response);
        return;
      default:
        assert.doesNotMatch(response, /^\* BYE/);
    }
  }

  /** RFC 7162 §3.2.10: with EARLIER it is nothing that counts now, without it is one message less. */
  #vanish(uid: number, isEarlier: boolean): void {
    this.vanishedEarlier.push(...(isEarlier ? [uid] : []));
    const index = this.messages.findIndex((message) => message.uid === uid);
    if (isEarlier) {
      assert.equal(index, -1, `${uid} is there and vanished earlier`);
      return;
    }
    assert.doesNotMatch(this.#command, /^(FETCH|STORE|SEARCH) /);
    if (index !== -1) {
      this.messages.splice(index, 1);
      return;
    }
    // One of those whose UID was never told: which, the client cannot know, nor whose flags are whose.
    const after = this.messages.findIndex((message) => (message.uid ?? 0) > uid);
    const end = after === -1 ? this.messages.length : after;
    let start = end;
    while (start > 0 && this.messages[start - 1]?.uid === undefined) start -= 1;
    assert.ok(start < end, `${uid} vanished, which was never there`);
    for (const message of this.messages.slice(start, end)) message.flags = undefined;
    this.messages.splice(start, 1);
  }

  /** RFC 3501 §7.3.1: only EXPUNGE makes it smaller. */
  #grow(exists: number): void {
    assert.ok(exists >= this.messages.length, `${exists} EXISTS after ${this.messages.length}`);
    while (this.messages.length < exists) {
      this.messages.push({ uid: undefined, flags: undefined });
    }
  }

  #message(number: string): KnownMessage {
    const message = this.messages[Number(number) - 1];
    assert.ok(message, `there is no message ${number} of ${this.messages.length}`);
    return message;
  }

  #learn(message: KnownMessage, response: string): void {
    const [, uid] = /[( ]UID (\d+)/.exec(response) ?? [];
    if (this.hasQresync && /FLAGS/.test(response) && !/FETCH/.test(this.#command)) {
      assert.match(response, /UID .*MODSEQ/, "RFC 7162 §3.2.4");
    }
    if (uid !== undefined) {
      assert.equal(message.uid ?? Number(uid), Number(uid), "a message became another");
      message.uid = Number(uid);
      this.#checkOrder();
    }
    const [, flags] = /[( ]FLAGS \(([^)]*)\)/.exec(response) ?? [];
    if (flags === undefined) return;
    const names = flags.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent");
    message.flags = new Set(names);
  }

  /** RFC 3501 §2.3.1.2: in the order of their UIDs. */
  #checkOrder(): void {
    const known = this.messages.flatMap(({ uid }) => (uid === undefined ? [] : [uid]));
    for (const [at, uid] of known.entries()) {
      assert.ok(at === 0 || uid > (known[at - 1] ?? 0), "UIDs do not ascend");
    }
  }

  #noteCode(response: string): void {
    const [, name, number] = /\[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]/.exec(response) ?? [];
    if (name === "HIGHESTMODSEQ") this.highestModSeq = Number(number);
    else if (name === "UIDVALIDITY") this.uidValidity = Number(number);
  }

  /** A line with the literals in it. */
  async #readResponse(): Promise<string> {
    for (let from = 0; ; ) {
      const end = this.#received.indexOf("\r\n", from);
      if (end === -1) {
        await this.#receive();
        continue;
      }
      const [, length] = /\{(\d+)\}$/.exec(this.#received.slice(from, end)) ?? [];
      if (length === undefined) {
        const response = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 2);
        return response;
      }
      from = end + 2 + Number(length);
      while (this.#received.length < from) await this.#receive();
    }
  }

  async #receive(): Promise<void> {
    assert.ok(!this.#hasEnded, "the server closed the connection");
    await new Promise<void>((wake, fail) => {
      const timer = setTimeout(
        () => fail(new Error(`Nothing came for ${SILENCE_MS_MAX / 1000} s`)),
        SILENCE_MS_MAX,
      );
      this.#wake = () => {
        clearTimeout(timer);
        wake();
      };
    });
  }
}

function* uidsOf(set: string): Generator<number> {
  for (const range of set.split(",")) {
    const [first = 0, last = first] = range.split(":").map(Number);
    for (let uid = first; uid <= last; uid += 1) yield uid;
  }
}
