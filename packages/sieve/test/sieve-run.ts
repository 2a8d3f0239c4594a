import {
  type Action,
  compileScript,
  ProgramCache,
  type RunResult,
  runScripts,
  type Surroundings,
  sourceOfOctets,
  type TraceEntry,
} from "../src/index.ts";

/** A script run over a message in memory, as tests want it. */
export interface TestRun {
  readonly message?: string;
  /** In place of it. */
  readonly octets?: Uint8Array;
  readonly surroundings?: Partial<Surroundings>;
  readonly trace?: (entry: TraceEntry) => void;
}

export const octetsOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Lines of a template as a message: CRLF, and no indentation of ours. */
export const messageOf = (...lines: readonly string[]): string => `${lines.join("\r\n")}\r\n`;

/** The message of RFC 5228 §9's neighbourhood: whoever needs another says so. */
export const plainMessage = messageOf(
  "From: coyote@desert.example.org",
  "To: roadrunner@acme.example.com",
  "Subject: I have a present for you",
  "Date: Tue, 1 Apr 1997 09:06:31 -0800",
  "Message-ID: <1@desert.example.org>",
  "",
  "Look, I'm sorry about the whole anvil thing.",
);

export const nowMs = Date.UTC(2007, 1, 26, 14, 30, 15);

export async function runTest(script: string, run: TestRun = {}): Promise<RunResult> {
  const { message = plainMessage, octets = octetsOf(message), surroundings = {}, trace } = run;
  const cache = new ProgramCache();
  return await runScripts(
    [compileScript(octetsOf(script))],
    sourceOfOctets(octets),
    {
      envelope: { from: "coyote@desert.example.org", to: "roadrunner@acme.example.com" },
      now: { ms: nowMs, offsetMinutes: 0 },
      ...surroundings,
    },
    { compile: (included) => cache.compile(included), ...(trace !== undefined && { trace }) },
  );
}

/** What a script decided, in short: "keep", "fileinto INBOX.lists \Seen", "redirect a@b". */
export async function decide(script: string, run: TestRun = {}): Promise<readonly string[]> {
  return (await runTest(script, run)).actions.map(describe);
}

/** Whether a test holds, for tables of tests. */
export async function holds(
  requires: readonly string[],
  test: string,
  run: TestRun = {},
): Promise<boolean> {
  const required = requires.length === 0 ? "" : `require ${JSON.stringify(requires)};\n`;
  const [first] = await decide(`${required}if ${test} { discard; } else { keep; }`, run);
  return first === "discard";
}

export function describe(action: Action): string {
  const flags = "flags" in action && action.flags.length > 0 ? ` ${action.flags.join(" ")}` : "";
  switch (action.kind) {
    case "keep":
      return `${action.isImplicit ? "implicit keep" : "keep"}${flags}`;
    case "fileinto":
      return `fileinto ${action.destination.mailbox}${flags}`;
    case "redirect":
      return `redirect ${action.address}`;
    case "reject":
      return `${action.isExtended ? "ereject" : "reject"} ${action.reason}`;
    case "discard":
      return "discard";
    case "notify":
      return `notify ${action.method} ${action.message}`;
    case "vacation":
      return `vacation ${action.reason}`;
  }
}

/** The message of an action, put together again. */
export function octetsOfPieces(action: Action, message: string): string {
  if (!("pieces" in action)) return "";
  const original = octetsOf(message);
  const decoder = new TextDecoder();
  return action.pieces
    .map((piece) =>
      decoder.decode(
        piece instanceof Uint8Array ? piece : original.subarray(piece.start, piece.end),
      ),
    )
    .join("");
}
