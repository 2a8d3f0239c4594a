import { parseTemplate, type Template } from "./template.ts";

/** A dialogue between one server and its clients, read from a file. README.md describes the form. */
export interface Transcript {
  /** For messages: the file that it was read from. */
  readonly file: string;
  /** The first comment: what the dialogue shows. */
  readonly title: string;
  /** The `@name value` lines: what the dialogue wants from whoever starts the server. */
  readonly settings: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
}

/** One line of the file. Clients are numbered; lines without a number belong to client 1. */
export type Step = { readonly client: number; readonly lineNumber: number } & Action;

type Action =
  | {
      readonly kind: "send";
      readonly text: Template;
      readonly repeat: number;
      readonly endsLine: boolean;
    }
  | { readonly kind: "starttls" | "close" | "reset" }
  /** With `maySkip`, other lines may come before it. */
  | { readonly kind: "expect"; readonly text: Template; readonly maySkip: boolean }
  | { readonly kind: "expect-closed"; readonly maySkip: boolean };

/** The file is not a transcript: its own mistake, not the server's. */
export class TranscriptSyntaxError extends Error {
  override readonly name = "TranscriptSyntaxError";
}

/** Reads a transcript, or throws TranscriptSyntaxError. */
export function parseTranscript(text: string, file = "transcript"): Transcript {
  const settings = new Map<string, string>();
  const steps: Step[] = [];
  const skipping = new Set<number>();
  let title = "";

  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const lineNumber = index + 1;
    const fail = (problem: string) =>
      new TranscriptSyntaxError(`${file}:${lineNumber}: ${problem}`);

    if (line.trim() === "") continue;
    if (line.startsWith("#")) {
      title ||= line.replace(/^#+\s*/, "").trimEnd();
      continue;
    }
    const setting = /^@([a-z][a-z0-9-]*)(?: +(.*?))? *$/.exec(line);
    if (setting !== null) {
      settings.set(setting[1] ?? "", setting[2] ?? "");
      continue;
    }
    const spoken = parseSpoken(line);
    if (spoken === undefined) throw fail(`Cannot read "${line}"`);

    const { client } = spoken;
    if (spoken.speaker === "S" && spoken.text === "...") {
      skipping.add(client);
      continue;
    }
    if (spoken.speaker === "C" && skipping.has(client)) {
      throw fail(`"S: ..." of client ${client} has no expected line after it`);
    }
    const maySkip = skipping.delete(client);
    const action = spoken.speaker === "C" ? sendAction(spoken) : expectAction(spoken.text, maySkip);
    steps.push({ client, lineNumber, ...action });
  }
  if (skipping.size > 0) throw new TranscriptSyntaxError(`${file}: Nothing follows "S: ..."`);
  return { file, title, settings, steps };
}

interface Spoken {
  readonly client: number;
  readonly speaker: "C" | "S";
  readonly repeat: number;
  readonly endsLine: boolean;
  readonly text: string;
}

function parseSpoken(line: string): Spoken | undefined {
  const server = /^(\d*)S:(?: (.*))?$/.exec(line);
  if (server !== null) {
    const [, number, text = ""] = server;
    return { client: Number(number || 1), speaker: "S", repeat: 1, endsLine: true, text };
  }
  const client = /^(\d*)C(?:\{(\d{1,9})\})?([:-])(?: (.*))?$/.exec(line);
  if (client === null) return undefined;
  const [, number, repeat = "1", end, text = ""] = client;
  return {
    client: Number(number || 1),
    speaker: "C",
    repeat: Number(repeat),
    endsLine: end === ":",
    text,
  };
}

function sendAction({ text, repeat, endsLine }: Spoken): Action {
  if (text === "<starttls>") return { kind: "starttls" };
  if (text === "<close>") return { kind: "close" };
  if (text === "<reset>") return { kind: "reset" };
  return { kind: "send", text: parseTemplate(text), repeat, endsLine };
}

function expectAction(text: string, maySkip: boolean): Action {
  if (text === "<closed>") return { kind: "expect-closed", maySkip };
  return { kind: "expect", text: parseTemplate(text), maySkip };
}
