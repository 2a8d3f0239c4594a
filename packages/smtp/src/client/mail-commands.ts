import type { Reply } from "../reply.ts";
import { type SmtpExtensions, sizeBytesMaxOf } from "./extensions.ts";
import { clientLimits } from "./limits.ts";
import type { OutgoingMessage, OutgoingRecipient, SmtpParameters } from "./outgoing-message.ts";

/**
 * What is said to this server about this message, or why nothing can be.
 *
 * A parameter is sent only where its extension was offered (RFC 5321 §4.1.1.11). Most are a wish and are
 * left out elsewhere; REQUIRETLS, SMTPUTF8 and BINARYMIME are a condition, and without them the message
 * does not go (RFC 8689 §4.2.1, RFC 6531 §3.5, RFC 3030 §3).
 */
export interface MailCommands {
  readonly mail: string;
  /** In the order of the recipients; a Reply where this one cannot be asked for. */
  readonly recipients: readonly (string | Reply)[];
  /** The server is not 8BITMIME: the first octet above 127 ends the transfer (RFC 6152 §3). */
  readonly isSevenBitOnly: boolean;
}

// The extension that a parameter belongs to. XENVELOPE and the like belong to none and are passed on.
const extensionOf: Readonly<Record<string, string>> = {
  RET: "DSN",
  ENVID: "DSN",
  NOTIFY: "DSN",
  ORCPT: "DSN",
  REQUIRETLS: "REQUIRETLS",
  "MT-PRIORITY": "MT-PRIORITY",
  BY: "DELIVERBY",
  HOLDFOR: "FUTURERELEASE",
  HOLDUNTIL: "FUTURERELEASE",
  AUTH: "AUTH",
};

/** The commands for a message, or the permanent failure that this server makes of it. */
export function mailCommandsFor(
  message: OutgoingMessage,
  extensions: SmtpExtensions,
): MailCommands | Reply {
  const refusal = refusalOf(message, extensions);
  if (refusal !== undefined) return refusal;
  const mail = pathCommand("MAIL FROM", message.reversePath, {
    ...ownParameters(message, extensions),
    ...offered(message.mailParameters, extensions),
  });
  if (typeof mail !== "string") return mail;
  return {
    mail,
    recipients: message.recipients.map((recipient) => rcptCommand(recipient, extensions)),
    isSevenBitOnly: !extensions.has("8BITMIME"),
  };
}

function refusalOf(message: OutgoingMessage, extensions: SmtpExtensions): Reply | undefined {
  const { mailParameters = {}, body, sizeBytes } = message;
  if (needsSmtpUtf8(message) && !extensions.has("SMTPUTF8")) {
    return permanent(
      550,
      "5.6.7",
      "The receiving server does not accept UTF-8 addresses or headers",
    );
  }
  if (body === "BINARYMIME" && !(extensions.has("BINARYMIME") && extensions.has("CHUNKING"))) {
    return permanent(554, "5.6.3", "The receiving server does not accept binary messages");
  }
  // A bounce goes without it, since else nobody would hear of the failure (RFC 8689 §5).
  if (
    mailParameters.REQUIRETLS !== undefined &&
    !extensions.has("REQUIRETLS") &&
    message.reversePath !== ""
  ) {
    return permanent(
      550,
      "5.7.30",
      "The sender requires TLS all the way, and the receiving server does not promise it",
    );
  }
  const sizeBytesMax = sizeBytesMaxOf(extensions);
  if (sizeBytes !== undefined && sizeBytesMax !== undefined && sizeBytes > sizeBytesMax) {
    // RFC 1870 §5: the client may decide this without asking.
    return permanent(
      552,
      "5.3.4",
      `The message has ${sizeBytes} octets, and the receiving server accepts ${sizeBytesMax}`,
    );
  }
  return undefined;
}

function needsSmtpUtf8({ smtpUtf8, reversePath, recipients }: OutgoingMessage): boolean {
  return (
    smtpUtf8 === true ||
    !isAscii(reversePath) ||
    recipients.some(({ address }) => !isAscii(address))
  );
}

function ownParameters(message: OutgoingMessage, extensions: SmtpExtensions): SmtpParameters {
  const { body = "7BIT", sizeBytes } = message;
  const hasBody = body !== "7BIT" && extensions.has("8BITMIME");
  return {
    ...(extensions.has("SIZE") && sizeBytes !== undefined ? { SIZE: String(sizeBytes) } : {}),
    ...(hasBody || body === "BINARYMIME" ? { BODY: body } : {}),
    ...(needsSmtpUtf8(message) ? { SMTPUTF8: true } : {}),
  };
}

function offered(parameters: SmtpParameters = {}, extensions: SmtpExtensions): SmtpParameters {
  return Object.fromEntries(
    Object.entries(parameters).filter(([keyword]) => {
      const extension = extensionOf[keyword.toUpperCase()];
      return extension === undefined || extensions.has(extension);
    }),
  );
}

function rcptCommand(
  { address, parameters }: OutgoingRecipient,
  extensions: SmtpExtensions,
): string | Reply {
  if (address === "") return permanent(553, "5.1.3", "The recipient's address is empty");
  return pathCommand("RCPT TO", address, offered(parameters, extensions));
}

/** Nothing that came from a message or a queue file can end the command early and begin another. */
function pathCommand(verb: string, path: string, parameters: SmtpParameters): string | Reply {
  const status = verb === "MAIL FROM" ? "5.1.7" : "5.1.3";
  if (!isSendablePath(path)) {
    return permanent(553, status, `The address ${JSON.stringify(path)} cannot be sent over SMTP`);
  }
  const words = [`${verb}:<${path}>`];
  for (const [keyword, value] of Object.entries(parameters)) {
    if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/u.test(keyword)) return unsendableParameter(keyword);
    // RFC 5321 §4.1.2, esmtp-value; RFC 6531 §3.3 adds UTF-8, which we never need.
    if (value !== true && !/^[\x21-\x3c\x3e-\x7e]+$/u.test(value))
      return unsendableParameter(keyword);
    words.push(value === true ? keyword : `${keyword}=${value}`);
  }
  const command = words.join(" ");
  if (Buffer.byteLength(command) > clientLimits.commandBytesMax) return unsendableParameter(verb);
  return command;
}

/**
 * A quoted local part may hold a space or ">" (RFC 5321 §4.1.2), an unquoted one not. Controls are in neither.
 */
function isSendablePath(path: string): boolean {
  if (/[\p{Cc}\u2028\u2029]/u.test(path) || !path.isWellFormed()) return false;
  const withoutQuoted = path.replace(/^"(?:[^"\\]|\\.)*"(?=@|$)/u, "");
  return !/[\s<>"]/u.test(withoutQuoted);
}

const unsendableParameter = (keyword: string): Reply =>
  permanent(554, "5.5.4", `The parameter ${JSON.stringify(keyword)} cannot be sent over SMTP`);

const isAscii = (text: string): boolean => /^\p{ASCII}*$/u.test(text);

const permanent = (code: number, enhanced: string, text: string): Reply => ({
  code,
  enhanced,
  text,
});
