import type { Reply } from "../reply.ts";
import { decodeXtext } from "../xtext.ts";
import type { SmtpExtensions } from "./extensions.ts";
import type { MailFrom } from "./handler.ts";
import { serverLimits } from "./limits.ts";
import { type Parsed, parsePathCommand, printableXtext } from "./path-command.ts";
import { parseMailPath } from "./paths.ts";
import { badParameter, replies, unknownParameter } from "./replies.ts";

export interface MailCommandRules {
  readonly messageBytesMax: number;
  readonly isBinaryMimeOffered: boolean;
  readonly isAuthOffered: boolean;
  readonly isDsnOffered: boolean;
  readonly extensions: SmtpExtensions;
  readonly nowMs: number;
  readonly privateParameters: ReadonlySet<string>;
}

type Draft = { -readonly [Key in keyof MailFrom]: MailFrom[Key] } & {
  privateParameters: Map<string, string>;
};

/** Reads the argument of MAIL (RFC 5321 §4.1.1.2) with the parameters of the extensions offered. */
export function parseMailCommand(argument: string, rules: MailCommandRules): Parsed<MailFrom> {
  const command = parsePathCommand(argument, "FROM");
  if (command === "syntax") return { refusal: replies.badMailSyntax };
  if (command === "duplicate") return { refusal: badParameter("A parameter is there twice") };

  const mail: Draft = {
    reversePath: "",
    body: "7BIT",
    smtpUtf8: false,
    privateParameters: new Map(),
  };
  for (const [keyword, value] of command.parameters) {
    const read = parameters[keyword];
    const isPrivate = rules.privateParameters.has(keyword);
    if (isPrivate) mail.privateParameters.set(keyword, value);
    else if (read === undefined || !isOffered(keyword, rules)) {
      return { refusal: unknownParameter(keyword) };
    } else {
      const fault = read(value, mail, rules);
      if (typeof fault === "string") return { refusal: badParameter(fault) };
      if (fault !== undefined) return { refusal: fault };
    }
  }
  const path = parseMailPath(command.path, mail.smtpUtf8);
  if (path === "needs-smtputf8") return { refusal: replies.needsSmtpUtf8 };
  if (path === "syntax") return { refusal: replies.badSender };
  mail.reversePath = path.address;
  if (mail.sizeBytes !== undefined && mail.sizeBytes > rules.messageBytesMax) {
    return { refusal: replies.tooLarge };
  }
  return { value: mail };
}

function isOffered(keyword: string, rules: MailCommandRules): boolean {
  const { isAuthOffered, isDsnOffered, extensions } = rules;
  switch (keyword) {
    case "AUTH":
      return isAuthOffered;
    case "RET":
    case "ENVID":
      return isDsnOffered;
    case "REQUIRETLS":
      return extensions.requireTls === true;
    case "BY":
      return extensions.deliverBy === true;
    case "MT-PRIORITY":
      return extensions.priority === true;
    case "HOLDFOR":
    case "HOLDUNTIL":
      return extensions.futureReleaseSecondsMax !== undefined;
    case "SOLICIT":
      return (extensions.noSoliciting ?? []).length > 0;
    default:
      return true;
  }
}

function hold(mail: Draft, { extensions, nowMs }: MailCommandRules, untilMs: number) {
  if (mail.holdUntilMs !== undefined) return "HOLDFOR and HOLDUNTIL do not go together";
  const secondsMax = extensions.futureReleaseSecondsMax ?? 0;
  if (untilMs > nowMs + secondsMax * 1000) return `A message is held for ${secondsMax} s at most`;
  mail.holdUntilMs = Math.ceil(untilMs);
  return undefined;
}

/** Each puts its value into the draft, or says what is wrong. In the order of their RFCs. */
const parameters: Readonly<
  Record<
    string,
    (value: string, mail: Draft, rules: MailCommandRules) => string | Reply | undefined
  >
> = {
  // RFC 1870 §3: 1*20DIGIT
  SIZE(value, mail) {
    if (!/^\d{1,20}$/.test(value)) return "SIZE is a number of octets";
    mail.sizeBytes = Number(value);
    return undefined;
  },
  // RFC 3461 §4.3
  RET(value, mail) {
    const ret = value.toUpperCase();
    if (ret !== "FULL" && ret !== "HDRS") return "RET is FULL or HDRS";
    mail.ret = ret;
    return undefined;
  },
  // RFC 3461 §4.4
  ENVID(value, mail) {
    const envid = printableXtext(value);
    if (value === "" || value.length > serverLimits.envidBytesMax || envid === undefined) {
      return `ENVID is xtext of up to ${serverLimits.envidBytesMax} octets`;
    }
    mail.envid = envid;
    return undefined;
  },
  // RFC 4954 §5: it may be ignored, and is checked all the same.
  AUTH(value) {
    if (value === "<>" || (value !== "" && decodeXtext(value) !== undefined)) return undefined;
    return "AUTH is <> or xtext";
  },
  // RFC 6152 §2, RFC 3030 §3
  BODY(value, mail, { isBinaryMimeOffered }) {
    const body = value.toUpperCase();
    const isKnown =
      body === "7BIT" || body === "8BITMIME" || (body === "BINARYMIME" && isBinaryMimeOffered);
    if (!isKnown) return `BODY is 7BIT${isBinaryMimeOffered ? ", BINARYMIME" : ""} or 8BITMIME`;
    mail.body = body;
    return undefined;
  },
  // RFC 6531 §3.4
  SMTPUTF8(value, mail) {
    if (value !== "") return "SMTPUTF8 has no value";
    mail.smtpUtf8 = true;
    return undefined;
  },
  // RFC 8689 §2
  REQUIRETLS(value, mail) {
    if (value !== "") return "REQUIRETLS has no value";
    mail.requireTls = true;
    return undefined;
  },
  // RFC 6710 §7
  "MT-PRIORITY"(value, mail) {
    if (!/^-?\d$/.test(value)) return "MT-PRIORITY is a number from -9 to 9";
    mail.priority = Number(value) || 0;
    return undefined;
  },
  // RFC 2852: seconds that may be none or past, but not when the message is then returned
  BY(value, mail) {
    const [, seconds = "", mode = "", trace = ""] =
      /^([+-]?\d{1,9});([RN])(T?)$/i.exec(value) ?? [];
    if (mode === "") return "BY is seconds;R or seconds;N, with or without T";
    const isReturn = mode.toUpperCase() === "R";
    if (isReturn && Number(seconds) <= 0) return "BY with R needs more than 0 seconds";
    mail.deliverBy = {
      seconds: Number(seconds),
      mode: isReturn ? "R" : "N",
      trace: trace !== "",
    };
    return undefined;
  },
  // RFC 4865
  HOLDFOR(value, mail, rules) {
    if (!/^[1-9]\d{0,8}$/.test(value)) return "HOLDFOR is a number of seconds";
    return hold(mail, rules, rules.nowMs + Number(value) * 1000);
  },
  HOLDUNTIL(value, mail, rules) {
    const isDateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(value);
    const untilMs = isDateTime ? Date.parse(value.toUpperCase()) : Number.NaN;
    if (Number.isNaN(untilMs)) return "HOLDUNTIL is a time such as 2026-12-24T18:00:00Z";
    if (untilMs <= rules.nowMs) return "HOLDUNTIL is in the past";
    return hold(mail, rules, untilMs);
  },
  // RFC 3865 §2.3
  SOLICIT(value, _mail, { extensions }) {
    const classes = value.split(",");
    if (!classes.every((one) => /^[A-Za-z][\w.:-]*$/.test(one))) {
      return "SOLICIT is classes of solicitation, such as org.example:ADV";
    }
    const refused = classes.find((one) =>
      extensions.noSoliciting?.some((unwanted) => unwanted.toLowerCase() === one.toLowerCase()),
    );
    return refused === undefined ? undefined : replies.noSoliciting;
  },
};
