import { decodeXtext } from "../xtext.ts";
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
      if (fault !== undefined) return { refusal: badParameter(fault) };
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

function isOffered(keyword: string, { isAuthOffered, isDsnOffered }: MailCommandRules): boolean {
  if (keyword === "AUTH") return isAuthOffered;
  return isDsnOffered || (keyword !== "RET" && keyword !== "ENVID");
}

/** Each puts its value into the draft, or says what is wrong. In the order of their RFCs. */
const parameters: Readonly<
  Record<string, (value: string, mail: Draft, rules: MailCommandRules) => string | undefined>
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
};
