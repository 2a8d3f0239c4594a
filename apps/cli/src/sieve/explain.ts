import {
  type Action,
  type Destination,
  ProgramCache,
  reasonNotToAnswer,
  runScripts,
  type ScriptEnvelope,
  SieveRunError,
  type Surroundings,
  sourceOfOctets,
  type TraceEntry,
} from "@posthouse/sieve";

/** A message as it would come. */
export interface SampleMessage {
  readonly octets: Uint8Array;
  readonly from: string;
  readonly to: string;
}

/**
 * What would happen to a message, line by line: each line of the script with what its tests said and
 * its commands did below, then what comes out of it. Nothing is done. Throws SieveScriptError.
 */
export async function explainRun(
  script: Uint8Array,
  message: SampleMessage,
): Promise<readonly string[]> {
  const cache = new ProgramCache();
  const program = cache.compile(script);
  const told = new Map<number, string[]>();
  const trace = ({ line, text, script: included }: TraceEntry): void => {
    const said = told.get(line) ?? [];
    if (said.length === linesMax) said.push("…");
    else if (said.length < linesMax) {
      said.push(included === undefined ? text : `in "${included}": ${text}`);
    }
    told.set(line, said);
  };
  const outcome: string[] = [];
  const envelope = { from: message.from, to: message.to };
  const surroundings: Surroundings = {
    envelope,
    now: { ms: Date.now(), offsetMinutes: -new Date().getTimezoneOffset() },
  };
  const source = sourceOfOctets(message.octets);
  try {
    const { actions } = await runScripts([program], source, surroundings, {
      compile: (included) => cache.compile(included),
      trace,
    });
    outcome.push(...actions.map((action) => describe(action, source.header, envelope)));
  } catch (error) {
    if (!(error instanceof SieveRunError)) throw error;
    outcome.push(
      `line ${error.place.line}: ${error.message}`,
      "the filter fails: the message is kept in INBOX as it came, and the owner told",
    );
  }
  return [...annotated(script, told), "", "What happens:", ...outcome.map((line) => `  ${line}`)];
}

/** What a loop says many times over is said so often. */
const linesMax = 20;

function annotated(script: Uint8Array, told: ReadonlyMap<number, readonly string[]>): string[] {
  const lines = new TextDecoder()
    .decode(script)
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  const width = String(lines.length).length;
  return lines.flatMap((line, at) => [
    `${String(at + 1).padStart(width)}  ${line}`,
    ...(told.get(at + 1) ?? []).map((text) => `${" ".repeat(width)}    > ${text}`),
  ]);
}

function describe(action: Action, header: Uint8Array, envelope: ScriptEnvelope): string {
  switch (action.kind) {
    case "keep": {
      const why = action.isImplicit ? " (nothing else took it)" : "";
      return `kept in INBOX${flagged(action.flags)}${why}`;
    }
    case "fileinto":
      return `filed into ${placeOf(action.destination)}${flagged(action.flags)}`;
    case "redirect":
      return `sent on to ${action.address}`;
    case "reject":
      return `refused: ${action.reason.trim()}`;
    case "discard":
      return "discarded";
    case "notify":
      return `notification to ${action.method}: ${action.message}`;
    case "vacation": {
      const reason = reasonNotToAnswer(action, { envelope, header, ownAddresses: [] });
      return reason === undefined
        ? `answer to ${envelope.from}, if it had none for this in the last ${action.seconds} s`
        : `no answer that the owner is away: ${reason}`;
    }
  }
}

const flagged = (flags: readonly string[]): string =>
  flags.length === 0 ? "" : ` with ${flags.join(" ")}`;

function placeOf({ mailbox, mailboxId, specialUse, creates }: Destination): string {
  const first = specialUse ?? mailboxId;
  const second = `"${mailbox}"${creates ? ", made if it is not there" : ""}`;
  return first === undefined ? second : `the mailbox ${first}, else ${second}`;
}
