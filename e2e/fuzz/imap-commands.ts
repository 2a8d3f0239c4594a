import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ConnectionLost, LineTooLong } from "@posthouse/wire";
import type { Command, Session } from "../../apps/imap/src/command.ts";
import { commands } from "../../apps/imap/src/commands.ts";
import { Enabled } from "../../apps/imap/src/enabled.ts";
import { IncomingCommand } from "../../apps/imap/src/incoming-command.ts";
import { limits } from "../../apps/imap/src/limits.ts";
import { CommandFailure, Farewell } from "../../apps/imap/src/response.ts";
import { ResponseWriter } from "../../apps/imap/src/response-writer.ts";
import type { State } from "../../apps/imap/src/state.ts";
import { ownHierarchy } from "../../apps/imap/src/syntax/mailbox-hierarchy.ts";
import { keptInputs, type Target } from "./fuzzing.ts";
import { ScriptedConnection } from "./scripted-connection.ts";

const transcripts = join(import.meta.dirname, "..", "..", "apps", "imap", "test", "transcripts");

const words = [
  ...'( ) [ ] < > { } . , : * % \\ " $ ~ + NIL {3} {3+} ~{3} {0} 1:* *:3 4294967295 0 ""'.split(
    " ",
  ),
  ..."UID FETCH STORE SEARCH SORT THREAD COPY MOVE APPEND LIST STATUS SELECT REPLACE NOTIFY".split(
    " ",
  ),
  ..."BODY[ BODY.PEEK[ BINARY.PEEK[ BINARY.SIZE[ HEADER.FIELDS MIME TEXT ]<0.10> FLAGS MODSEQ".split(
    " ",
  ),
  ..."RETURN (ALL) (PARTIAL SAVE CHARSET UTF-8 NOT OR HEADER SINCE 1-Feb-1994 LARGER FUZZY".split(
    " ",
  ),
  ..."QRESYNC CONDSTORE CHANGEDSINCE VANISHED UNCHANGEDSINCE CATENATE URL UTF8 +FLAGS.SILENT".split(
    " ",
  ),
  ..."\\Seen \\Deleted $Forwarded &AOQ- &- &AAAA- INBOX inbox Shared/ /private/comment DONE".split(
    " ",
  ),
  "\r\n",
  "\r\na1 ",
  " ",
  "  ",
  '" 3-Feb-2025 18:28:47 +0000"',
  "imap://a@b/INBOX;UIDVALIDITY=1/;UID=20/;SECTION=1.2",
];

/** Every command of the server, from the line to the point where it would ask the store. */
export async function commandTarget(): Promise<Target> {
  return {
    name: "The reader of commands",
    seeds: [...(await commandsOfTranscripts()), ...(await keptInputs("commands")).values()],
    words,
    attempt: serve,
  };
}

/** Thrown where a command has read its arguments and would go on with the mail of a user. */
class Reached extends Error {}

/** Stands for what lies behind the arguments: what is known of it, and the rest is where a command has got to. */
const behindWith = (known: object): never =>
  new Proxy(known, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name);
      if (typeof name === "symbol" || name === "then") return undefined;
      throw new Reached();
    },
  }) as never;

const user = {
  account: { id: "ann", address: "ann@example.org" },
  mail: behindWith({
    hierarchy: ownHierarchy,
    onChange: () => ({ [Symbol.dispose]() {} }),
    /** As the store does, to the last octet. */
    async append(_name: string, messages: AsyncIterable<{ octets: AsyncIterable<Uint8Array> }>) {
      for await (const { octets } of messages) for await (const _ of octets);
      return { uidValidity: 1, uids: [1] };
    },
  }),
};

const states: Readonly<Record<string, unknown>> = {
  "not-authenticated": { name: "not-authenticated" },
  authenticated: { name: "authenticated", user },
  selected: {
    name: "selected",
    user,
    selected: behindWith({ mailbox: behindWith({ name: "INBOX", may: () => true }) }),
  },
};

const services = behindWith({
  auth: {
    authenticate: async () => ({ kind: "refused" }),
    authenticateToken: async () => ({ kind: "refused" }),
    authenticateCertified: async () => ({ kind: "refused" }),
    scramChallenge: async () => ({ kind: "refused" }),
  },
  config: {
    hostname: "mail.example.org",
    limits: { messageBytesMax: 64 * 1024 },
    imap: { idleKeepaliveSeconds: 0, literals: "plus" },
    managesieve: { listeners: [] },
    auth: {},
  },
  events: { record() {} },
});

function sessionOn(
  connection: ScriptedConnection,
  { output, state, incoming }: { output: ResponseWriter; state: State; incoming: IncomingCommand },
): Session {
  const enabled = new Enabled();
  if (connection.leftBytes % 2 === 1) enabled.add("UTF8=ACCEPT");
  if (connection.leftBytes % 3 === 1) enabled.add("QRESYNC");
  return behindWith({
    services,
    connection,
    output,
    incoming,
    state,
    isLoginAllowed: true,
    mechanisms: ["PLAIN", "LOGIN", "SCRAM-SHA-256", "EXTERNAL", "OAUTHBEARER"],
    switchedOff: { has: () => false },
    language: "i-default",
    failedLogins: 0,
    clientName: undefined,
    inLanguage: (text: string) => text,
    enabled,
    enable: (name: Parameters<Enabled["add"]>[0]) => enabled.add(name),
    push: async () => {},
    deselect: async () => {},
    onClosing: () => ({ [Symbol.dispose]() {} }),
  });
}

/** Serves a whole input as session.ts does, and says how its commands ended. */
async function serve(input: Buffer): Promise<readonly string[]> {
  const connection = new ScriptedConnection(input);
  const output = new ResponseWriter(connection.asConnection());
  const ends: string[] = [];
  while (ends.length < 20) {
    const end = await serveOne(connection, output);
    if (end === undefined) break;
    ends.push(end);
  }
  return ends;
}

async function serveOne(
  connection: ScriptedConnection,
  output: ResponseWriter,
): Promise<string | undefined> {
  let incoming: IncomingCommand | undefined;
  try {
    incoming = await IncomingCommand.read(connection.asConnection(), output);
    if (incoming === undefined) return undefined;
    const command = commands.get(incoming.name);
    const end = command && (await run(command, connection, { incoming, output }));
    return await finish(incoming, end ?? "unknown");
  } catch (error) {
    const end = endOf(error);
    if (end === undefined || incoming === undefined) return end;
    return await finish(incoming, `${incoming.name} ${end}`);
  }
}

async function run(
  command: Command,
  connection: ScriptedConnection,
  { incoming, output }: { incoming: IncomingCommand; output: ResponseWriter },
): Promise<string> {
  const state = states[command.states.at(-1) ?? ""] as State;
  await incoming.gather({
    literalBytesMax: limits.literalBytesMax,
    unaskedBytesMax: Number.POSITIVE_INFINITY,
    takesLiteral: command.takesLiteral,
    refuseLiteral: command.refuseLiteral,
  });
  incoming.hierarchy = ownHierarchy;
  const session = sessionOn(connection, { output, state, incoming });
  incoming.hasUtf8Names = session.enabled.hasUtf8Names;
  await command.run(state as never, incoming.args, session);
  return `${incoming.name} OK`;
}

async function finish(incoming: IncomingCommand, end: string): Promise<string | undefined> {
  try {
    await incoming.finish();
    return end;
  } catch (error) {
    return endOf(error) ?? `${end}, cut off`;
  }
}

/** How an error ends a command; undefined where it ends the connection. Throws what none may throw. */
function endOf(error: unknown): string | undefined {
  if (error instanceof ConnectionLost) return undefined;
  if (error instanceof Reached) return "reached";
  if (error instanceof LineTooLong) return "too long";
  if (!(error instanceof CommandFailure) && !(error instanceof Farewell)) throw error;
  // It stands in a line of ours: what the client sent must not end it.
  assert.match(error.message, /^[^\r\n\0]*$/, "an answer is one line");
  assert.match(error.code ?? "", /^[^\r\n\0]*$/, "a response code is in one line");
  if (error instanceof Farewell) return undefined;
  return `${error.condition} ${error.code ?? ""} ${error.message.replaceAll(/\d+|".*"|got .*/g, "")}`.slice(
    0,
    80,
  );
}

/** Each command that a client sends in a transcript, with its literals. */
async function commandsOfTranscripts(): Promise<Buffer[]> {
  const found = new Set<string>();
  for (const file of await readdir(transcripts, { recursive: true })) {
    if (!file.endsWith(".imap")) continue;
    const text = await readFile(join(transcripts, file), "latin1");
    for (const command of clientCommands(text)) found.add(command);
  }
  return [...found].map((command) => Buffer.from(command, "latin1"));
}

const clientLine = /^\d*C(?:\{\d+\})?([:-])(?: (.*))?$/;

function* clientCommands(transcript: string): Generator<string> {
  let command = "";
  for (const line of transcript.split("\n")) {
    const [whole, end, text = ""] = clientLine.exec(line) ?? [];
    if (whole === undefined || text.startsWith("<")) continue;
    // A new command begins where the one before has all of its literals.
    if (command !== "" && !/[{]\d+\+?\}\r\n/.test(command) && command.endsWith("\r\n")) {
      yield command;
      command = "";
    } else if (/^[A-Za-z]+\d+ [A-Z]+/.test(text) && command !== "") {
      yield command;
      command = "";
    }
    const octets = text
      .replaceAll(/\$\{?[a-z]\w*\}?/g, "1")
      .replaceAll(/\\x([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    command += octets + (end === ":" ? "\r\n" : "");
  }
  if (command !== "") yield command;
}
