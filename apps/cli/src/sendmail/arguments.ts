import { CommandFailure } from "../command-failure.ts";
import { sysexits } from "../unix-mail/sysexits.ts";

/** What `sendmail` is asked to do. */
export interface SendmailArguments {
  /** Send what stands on standard input, speak SMTP there, show the queue, or nothing at all. */
  readonly mode: "send" | "smtp" | "queue" | "nothing";
  /** -t */
  readonly areRecipientsInHeader: boolean;
  /** -i, -oi: a line with a dot alone is text. */
  readonly isDotText: boolean;
  /** -f, -r, without brackets; "" is the null path. */
  readonly sender: string | undefined;
  /** -F */
  readonly fullName: string | undefined;
  /** -N, as NOTIFY has it. */
  readonly notify: string | undefined;
  /** -R, as RET has it. */
  readonly returned: "FULL" | "HDRS" | undefined;
  /** -V */
  readonly envelopeId: string | undefined;
  /** -C */
  readonly configFile: string | undefined;
  readonly recipients: readonly string[];
}

/** Under these names it does what the option of that program's name does. */
const optionsOfName: Readonly<Record<string, readonly string[]>> = {
  mailq: ["-bp"],
  newaliases: ["-bi"],
};

const modes: Readonly<Record<string, SendmailArguments["mode"]>> = {
  m: "send",
  s: "smtp",
  p: "queue",
  // Aliases are in the directory, and nothing has to be built of them.
  i: "nothing",
};

/** Their value is the rest of the argument, or the next one. */
const valued = new Set("BCFfhLNOpRrVX");
/** Their value, if they have one, is the rest of the argument. */
const attached = new Set("Abdeoq");
/** They say how to go about it, and nothing here depends on it. */
const flags = new Set("GIUimntvx");

/**
 * The options that programs give to sendmail, by the getopt of old: letters may be joined, `-f ann` is
 * `-fann`. Those that mean nothing here are passed over, since hardly anybody who gives them asks for
 * more than to send.
 *
 * @throws CommandFailure
 */
export function parseArguments(name: string, args: readonly string[]): SendmailArguments {
  const [options, recipients] = split([...(optionsOfName[name] ?? []), ...args]);
  const last = (...letters: string[]): string | undefined =>
    options.findLast(([letter]) => letters.includes(letter))?.[1];
  const has = (letter: string, value = ""): boolean =>
    options.some(([other, given]) => other === letter && given === value);
  return {
    mode: modeOf(options),
    areRecipientsInHeader: has("t"),
    isDotText: has("i") || has("o", "i"),
    sender: last("f", "r")?.replace(/^<(.*)>$/, "$1"),
    fullName: last("F"),
    notify: notifyOf(last("N")),
    returned: returnedOf(last("R")),
    envelopeId: last("V"),
    configFile: last("C"),
    recipients,
  };
}

type Option = readonly [letter: string, value: string];

function split(given: readonly string[]): [readonly Option[], readonly string[]] {
  const options: Option[] = [];
  for (let at = 0; at < given.length; at++) {
    const argument = given[at] ?? "";
    if (argument === "--") return [options, given.slice(at + 1)];
    if (!argument.startsWith("-") || argument === "-") return [options, given.slice(at)];
    for (let letterAt = 1; letterAt < argument.length; letterAt++) {
      const letter = argument[letterAt] ?? "";
      const rest = argument.slice(letterAt + 1);
      if (flags.has(letter)) {
        options.push([letter, ""]);
        continue;
      }
      if (attached.has(letter)) options.push([letter, rest]);
      else if (!valued.has(letter)) throw usage(`There is no option -${letter}`);
      else if (rest !== "") options.push([letter, rest]);
      else {
        at += 1;
        const value = given[at];
        if (value === undefined) throw usage(`The option -${letter} needs a value`);
        options.push([letter, value]);
      }
      break;
    }
  }
  return [options, []];
}

function modeOf(options: readonly Option[]): SendmailArguments["mode"] {
  let mode: SendmailArguments["mode"] = "send";
  for (const [letter, value] of options) {
    // -I is -bi; -q asks to work the queue, which smtp-out does all the time.
    if (letter === "I" || letter === "q") mode = "nothing";
    if (letter !== "b") continue;
    const asked = modes[value];
    if (asked === undefined) {
      throw usage(`-b${value} is not for this program; servers are started by "posthouse"`);
    }
    mode = asked;
  }
  return mode;
}

/** RFC 3461 §4.1 */
function notifyOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const words = value.toUpperCase().split(",");
  const isAlone = words.length === 1 && words[0] === "NEVER";
  const known = ["SUCCESS", "FAILURE", "DELAY"];
  if (isAlone || words.every((word) => known.includes(word))) return words.join(",");
  throw usage(`-N ${value}: write "never", or of "success,failure,delay" what is wanted`);
}

/** RFC 3461 §4.3 */
function returnedOf(value: string | undefined): "FULL" | "HDRS" | undefined {
  const word = value?.toUpperCase();
  if (word === undefined || word === "FULL" || word === "HDRS") return word;
  throw usage(`-R ${value}: write "full" or "hdrs"`);
}

const usage = (message: string): CommandFailure =>
  new CommandFailure(message, { exitCode: sysexits.usage });
