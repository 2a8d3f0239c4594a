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

/** RFC 4315 §3: the n-th of `sources` became the n-th of `targets`. */
export interface Copied {
  readonly uidValidity: number;
  readonly sources: readonly number[];
  readonly targets: readonly number[];
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
  /** It has enabled IMAP4rev2. */
  hasRev2 = false;
  /** It has enabled UIDONLY: it never hears a number. */
  isUidOnly = false;
  /** It has asked by NOTIFY for what is new in the selected mailbox, at any time. */
  isNotified = false;
  /** What VANISHED (EARLIER) named since this was emptied. */
  vanishedEarlier: number[] = [];
  /** The search that is kept for it (RFC 5267 §4.3), and the UIDs that it believes to be found. */
  context: { readonly tag: string; readonly key: string; readonly uids: Set<number> } | undefined;
  /** The last HIGHESTMODSEQ and UIDVALIDITY that were told. */
  highestModSeq = 0;
  uidValidity = 0;
  /** Told of each FETCH as it comes, literals and all. */
  onFetch: ((response: string) => void) | undefined;
  /** Told of what APPENDUID says. */
  onAppended: ((uidValidity: number, uid: number) => void) | undefined;
  /** Told of what COPYUID says. */
  onCopied: ((copied: Copied) => void) | undefined;
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
    this.#takeInWhatCameUnasked();
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
    const found = await this.uidSearch(command);
    for (const number of found) assert.ok(number <= this.messages.length);
    return found;
  }

  /** The UIDs of a UID SEARCH. */
  async uidSearch(command: string): Promise<readonly number[]> {
    this.#found = [];
    assert.match(await this.run(command), / OK /);
    return this.#found;
  }

  /** A search that the server keeps, and tells of what becomes of it; instead of the one before. */
  async keepSearch(key: string): Promise<void> {
    if (this.context !== undefined) {
      assert.match(await this.run(`CANCELUPDATE "${this.context.tag}"`), / OK /);
    }
    const tag = this.send(`UID SEARCH RETURN (UPDATE ALL) ${key}`);
    this.context = { tag, key, uids: new Set() };
    assert.match(await this.finish(tag), / OK /);
  }

  async select(command: string): Promise<void> {
    // With these CLOSED says which responses are still of the mailbox before (RFC 7162 §3.2.11, RFC 9051 §7.1).
    if (!this.hasQresync && !this.hasRev2) this.#forget();
    assert.match(await this.run(command), / OK /);
  }

  /** CLOSE or UNSELECT. */
  async leave(command: string): Promise<void> {
    assert.match(await this.run(command), / OK /);
    this.#forget();
  }

  #forget(): void {
    this.messages = [];
    this.context = undefined;
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

  /** Between two commands: what is in the buffer was sent before the server heard of the next one. */
  #takeInWhatCameUnasked(): void {
    this.#command = "";
    for (let response = this.#takeResponse(); response !== undefined; ) {
      this.#note(`S: ${response}`);
      this.#noteCode(response);
      this.#takeIn(response);
      response = this.#takeResponse();
    }
  }

  #takeIn(response: string): void {
    const [, earlier, vanished] = /^\* VANISHED (\(EARLIER\) )?([\d:,]+)$/.exec(response) ?? [];
    if (vanished !== undefined) {
      for (const uid of uidsOf(vanished)) this.#vanish(uid, earlier !== undefined);
      return;
    }
    if (response.startsWith("* SEARCH")) this.#found = (response.match(/\d+/g) ?? []).map(Number);
    if (response.startsWith("* ESEARCH")) this.#takeInSearch(response);
    const [, number = "", kind = ""] = /^\* (\d+) ([A-Z]+)/.exec(response) ?? [];
    switch (kind) {
      case "EXISTS":
        this.#grow(Number(number));
        return;
      case "RECENT":
        assert.ok(!this.hasRev2, "RFC 9051 appendix E: there is no RECENT");
        assert.ok(
          Number(number) <= this.messages.length,
          "more messages are recent than there are",
        );
        return;
      case "EXPUNGE":
        this.#checkMayExpunge();
        assert.ok(!this.hasQresync && !this.isUidOnly, "EXPUNGE where VANISHED was asked for");
        this.#message(number);
        this.messages.splice(Number(number) - 1, 1);
        return;
      case "FETCH":
        assert.ok(!this.isUidOnly, "FETCH where UIDFETCH was asked for");
        this.onFetch?.(response);
        this.#learn(this.#message(number), response, uidIn(response));
        return;
      case "UIDFETCH":
        assert.ok(this.isUidOnly, "UIDFETCH that was not asked for");
        this.onFetch?.(response);
        this.#learn(this.#messageOfUid(Number(number)), response, Number(number));
        this.messages.sort((one, other) => (one.uid ?? Infinity) - (other.uid ?? Infinity));
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
    this.#checkMayExpunge();
    if (index !== -1) {
      this.messages.splice(index, 1);
      return;
    }
    if (this.isUidOnly) {
      const unknown = this.messages.findIndex((message) => message.uid === undefined);
      assert.notEqual(unknown, -1, `${uid} vanished, which was never there`);
      this.messages.splice(unknown, 1);
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

  /** RFC 3501 §7.4.1: not between commands, and not in answer to these, whose numbers it would move. */
  #checkMayExpunge(): void {
    if (this.isUidOnly) return;
    assert.notEqual(this.#command, "", "an expunge between two commands");
    assert.doesNotMatch(this.#command, /^(FETCH|STORE|SEARCH) /);
  }

  /** Of this command, or RFC 5267 §4.3.2: `(TAG "a1") UID ADDTO (0 3:5)`. */
  #takeInSearch(response: string): void {
    const [, tag] = /\(TAG "(\S+)"\)/.exec(response) ?? [];
    const [, update, changed] = / (ADDTO|REMOVEFROM) \(0 ([\d:,]+)\)/.exec(response) ?? [];
    if (changed === undefined) {
      const [, all] = / ALL ([\d:,]+)/.exec(response) ?? [];
      this.#found = all === undefined ? [] : [...uidsOf(all)];
      if (tag === this.context?.tag) for (const uid of this.#found) this.context?.uids.add(uid);
      return;
    }
    assert.equal(tag, this.context?.tag, "an update of no search");
    const { uids } = this.context as NonNullable<typeof this.context>;
    for (const uid of uidsOf(changed)) {
      if (update === "ADDTO") assert.ok(!uids.has(uid), `${uid} was found before`);
      else assert.ok(uids.has(uid), `${uid} was not found before`);
      if (update === "ADDTO") uids.add(uid);
      else uids.delete(uid);
    }
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

  /** Of those whose UID was never told one is as good as another. */
  #messageOfUid(uid: number): KnownMessage {
    const known = this.messages.find((message) => message.uid === uid);
    const message = known ?? this.messages.find((one) => one.uid === undefined);
    assert.ok(message, `there is no message of UID ${uid} among ${this.messages.length}`);
    return message;
  }

  #learn(message: KnownMessage, response: string, uid: number | undefined): void {
    if (/FLAGS/.test(response) && !/FETCH/.test(this.#command)) {
      if (this.hasQresync) assert.match(response, /MODSEQ/, "RFC 7162 §3.2.4");
      if (this.hasQresync || this.hasRev2) assert.ok(uid !== undefined, "RFC 9051 §7.5.2");
    }
    if (uid !== undefined) {
      assert.equal(message.uid ?? uid, uid, "a message became another");
      message.uid = uid;
      if (!this.isUidOnly) this.#checkOrder();
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
    if (response.startsWith("* OK [CLOSED]")) this.#forget();
    const [, validity, appended] = /\[APPENDUID (\d+) (\d+)\]/.exec(response) ?? [];
    if (appended !== undefined) this.onAppended?.(Number(validity), Number(appended));
    const [, name, number] = /\[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]/.exec(response) ?? [];
    if (name === "HIGHESTMODSEQ") this.highestModSeq = Number(number);
    else if (name === "UIDVALIDITY") this.uidValidity = Number(number);
    const [, uidValidity, sources, targets] =
      /\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]/.exec(response) ?? [];
    if (sources === undefined || targets === undefined) return;
    const copied = { sources: [...uidsOf(sources)], targets: [...uidsOf(targets)] };
    assert.equal(copied.sources.length, copied.targets.length);
    this.onCopied?.({ uidValidity: Number(uidValidity), ...copied });
  }

  async #readResponse(): Promise<string> {
    for (;;) {
      const response = this.#takeResponse();
      if (response !== undefined) return response;
      await this.#receive();
    }
  }

  /** A line with the literals in it; undefined when it is not all there. */
  #takeResponse(): string | undefined {
    for (let from = 0; ; ) {
      const end = this.#received.indexOf("\r\n", from);
      if (end === -1) return undefined;
      const [, length] = /\{(\d+)\}$/.exec(this.#received.slice(from, end)) ?? [];
      if (length === undefined) {
        const response = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 2);
        return response;
      }
      from = end + 2 + Number(length);
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

function uidIn(response: string): number | undefined {
  const [, uid] = /[( ]UID (\d+)/.exec(response) ?? [];
  return uid === undefined ? undefined : Number(uid);
}

function* uidsOf(set: string): Generator<number> {
  for (const range of set.split(",")) {
    const [first = 0, last = first] = range.split(":").map(Number);
    for (let uid = first; uid <= last; uid += 1) yield uid;
  }
}
