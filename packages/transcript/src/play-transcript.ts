import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { Connection, type Heard } from "./connection.ts";
import {
  fillTemplate,
  matchTemplate,
  type Template,
  toOctets,
  type Variables,
} from "./template.ts";
import type { Step, Transcript } from "./transcript.ts";
import { showOctets, TranscriptMismatch } from "./transcript-mismatch.ts";

export interface PlayOptions {
  /** Opens the connection of one client; called when the dialogue comes to that client's first line. */
  readonly connect: (client: number) => Promise<Duplex>;
  /** Values that the transcript may use as `$name`. */
  readonly variables?: Readonly<Record<string, string>>;
  /** For `<starttls>`. Certificates are not checked unless these say so: servers under test make their own. */
  readonly tlsOptions?: ConnectionOptions;
  /** How long a line may take to come. 10 s when absent. */
  readonly timeoutMs?: number;
}

/**
 * Plays the clients' side of a dialogue and holds the server's answers against it. Throws
 * TranscriptMismatch at the first that differs. Resolves with all variables, given and captured.
 */
export async function playTranscript(
  transcript: Transcript,
  options: PlayOptions,
): Promise<ReadonlyMap<string, string>> {
  const player = new Player(transcript, options);
  try {
    for (const step of transcript.steps) await player.play(step);
    player.end();
    return player.variables;
  } finally {
    player.disconnect();
  }
}

class Player {
  readonly variables: Variables = new Map();
  readonly #transcript: Transcript;
  readonly #options: PlayOptions;
  readonly #timeoutMs: number;
  readonly #connections = new Map<number, Connection>();
  readonly #lastSteps = new Map<number, Step>();
  readonly #dialogue: string[] = [];

  constructor(transcript: Transcript, options: PlayOptions) {
    this.#transcript = transcript;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    for (const [name, value] of Object.entries(options.variables ?? {})) {
      this.variables.set(name, toOctets(value));
    }
  }

  async play(step: Step): Promise<void> {
    const connection = await this.#connectionOf(step.client);
    this.#lastSteps.set(step.client, step);
    switch (step.kind) {
      case "send":
        return await this.#send(step, connection);
      case "starttls":
        return await this.#startTls(step, connection);
      case "close":
        this.#note("C", step, "<close>");
        return connection.close();
      case "reset":
        this.#note("C", step, "<reset>");
        return connection.reset();
      case "expect":
        return await this.#expect(step, connection);
      case "expect-closed":
        return await this.#expectClosed(step, connection);
    }
  }

  /**
   * What the server said beyond the last line that a client expected. A client that spoke last is let
   * off: whether an answer is there already would be chance.
   */
  end(): void {
    for (const [client, step] of this.#lastSteps) {
      const unread = this.#connections.get(client)?.unread() ?? "";
      if (unread === "" || step.kind !== "expect") continue;
      this.#note("S", step, showOctets(unread));
      throw this.#mismatch(step, "nothing more", showOctets(unread));
    }
  }

  disconnect(): void {
    for (const connection of this.#connections.values()) connection.reset();
  }

  async #connectionOf(client: number): Promise<Connection> {
    const open = this.#connections.get(client);
    if (open !== undefined) return open;
    const connection = new Connection(await this.#options.connect(client));
    this.#connections.set(client, connection);
    return connection;
  }

  async #send(step: Step & { kind: "send" }, connection: Connection): Promise<void> {
    const filled = fillTemplate(step.text, this.variables);
    if ("unknown" in filled) {
      throw this.#mismatch(step, step.text.source, `$${filled.unknown} has no value yet`);
    }
    const times = step.repeat === 1 ? "" : `{${step.repeat}}`;
    const mark = `C${times}${step.endsLine ? "" : "-"}`;
    this.#note(mark, step, showOctets(filled.octets));
    const octets = filled.octets.repeat(step.repeat) + (step.endsLine ? "\r\n" : "");
    await connection.send(Buffer.from(octets, "latin1"), this.#timeoutMs);
  }

  async #startTls(step: Step, connection: Connection): Promise<void> {
    this.#note("C", step, "<starttls>");
    try {
      const options = { rejectUnauthorized: false, ...this.#options.tlsOptions };
      await connection.startTls(options, this.#timeoutMs);
    } catch (error) {
      throw this.#mismatch(step, "<starttls>", error instanceof Error ? error.message : "no TLS");
    }
  }

  async #expect(step: Step & { kind: "expect" }, connection: Connection): Promise<void> {
    const expected = expectation(step.text, step.maySkip);
    for (;;) {
      const heard = await connection.line(this.#timeoutMs);
      this.#noteHeard(step, heard);
      if (heard.kind !== "line") throw this.#mismatch(step, expected, this.#describe(heard));
      if (matchTemplate(step.text, heard.octets, this.variables)) return;
      if (!step.maySkip) throw this.#mismatch(step, expected, this.#describe(heard));
    }
  }

  async #expectClosed(
    step: Step & { kind: "expect-closed" },
    connection: Connection,
  ): Promise<void> {
    for (;;) {
      const heard = await connection.line(this.#timeoutMs);
      this.#noteHeard(step, heard);
      if (heard.kind === "closed" && (heard.octets === "" || step.maySkip)) return;
      if (heard.kind === "line" && step.maySkip) continue;
      throw this.#mismatch(step, "<closed>", this.#describe(heard));
    }
  }

  #noteHeard(step: Step, heard: Heard): void {
    if (heard.octets !== "" || heard.kind === "line")
      this.#note("S", step, showOctets(heard.octets));
    if (heard.kind === "closed") this.#note("S", step, "<closed>");
  }

  #note(mark: string, step: Step, text: string): void {
    const isAlone = this.#transcript.steps.every(({ client }) => client === step.client);
    this.#dialogue.push(
      `${isAlone ? "" : step.client}${mark}${mark.endsWith("-") ? "" : ":"} ${text}`,
    );
  }

  #describe(heard: Heard): string {
    const rest = heard.octets === "" ? "" : `, after "${showOctets(heard.octets)}" without CRLF`;
    if (heard.kind === "closed") return `<closed>${rest}`;
    if (heard.kind === "silence") return `nothing within ${this.#timeoutMs} ms${rest}`;
    return showOctets(heard.octets);
  }

  #mismatch(step: Step, expected: string, got: string): TranscriptMismatch {
    const at = { file: this.#transcript.file, lineNumber: step.lineNumber };
    const known = [...this.variables].filter(([name]) => expected.includes(`$${name}`));
    const values = known.map(([name, value]) => `$${name} is ${showOctets(value)}`).join(", ");
    const told = values === "" ? expected : `${expected}   (${values})`;
    return new TranscriptMismatch(at, { expected: told, got }, this.#dialogue);
  }
}

const expectation = (text: Template, maySkip: boolean): string =>
  maySkip ? `${text.source} (now or after other lines)` : text.source;
