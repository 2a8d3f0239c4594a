import type { Reply } from "../reply.ts";

/** Everything that the server itself says, by number (RFC 5321 §4.2.3, RFC 3463, RFC 5248). */
export const replies = {
  help: {
    code: 214,
    enhanced: "2.0.0",
    text: "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT STARTTLS AUTH VRFY EXPN HELP\nRFC 5321 describes them",
  },
  bye: { code: 221, enhanced: "2.0.0", text: "Bye" },
  authenticated: { code: 235, enhanced: "2.7.0", text: "Authentication successful" },
  ok: { code: 250, enhanced: "2.0.0", text: "Ok" },
  senderOk: { code: 250, enhanced: "2.1.0", text: "Sender ok" },
  recipientOk: { code: 250, enhanced: "2.1.5", text: "Recipient ok" },
  cannotVerify: { code: 252, enhanced: "2.1.5", text: "Cannot verify, send to it and see" },

  timeout: { code: 421, enhanced: "4.4.2", text: "Timeout, closing connection" },
  closing: { code: 421, enhanced: "4.3.2", text: "Server is stopping, come back soon" },
  tooManyConnections: {
    code: 421,
    enhanced: "4.3.2",
    text: "Too many connections, come back soon",
  },
  tooManyOfYours: { code: 421, enhanced: "4.7.0", text: "Too many connections from your address" },
  tooManyErrors: { code: 421, enhanced: "4.7.0", text: "Too many errors, closing connection" },
  notHttp: { code: 421, enhanced: "4.7.0", text: "This is not an HTTP server" },
  tooMuchSwallowed: { code: 421, enhanced: "4.7.0", text: "Far too much data, closing connection" },
  internal: { code: 451, enhanced: "4.3.0", text: "Internal error, try again later" },
  tooManyRecipients: {
    code: 452,
    enhanced: "4.5.3",
    text: "Too many recipients, send the rest in another transaction",
  },
  tlsNotAvailable: { code: 454, enhanced: "4.7.0", text: "TLS is not available now" },

  unknownCommand: { code: 500, enhanced: "5.5.1", text: "Command not recognized" },
  unreadableCommand: {
    code: 500,
    enhanced: "5.5.2",
    text: "Command has octets that no command can have",
  },
  badEtrnSyntax: { code: 500, enhanced: "5.5.2", text: "Syntax: ETRN domain" },
  lineTooLong: { code: 500, enhanced: "5.5.2", text: "Line too long" },
  saysLhlo: { code: 500, enhanced: "5.5.1", text: "This is LMTP: say LHLO" },
  noArgument: { code: 501, enhanced: "5.5.4", text: "This command takes no argument" },
  badHelo: { code: 501, enhanced: "5.5.4", text: "Give your host name or address literal" },
  badMailSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: MAIL FROM:<address> [parameters]" },
  badRcptSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: RCPT TO:<address> [parameters]" },
  badBdatSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: BDAT octets [LAST]" },
  badBurlSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: BURL url [LAST]" },
  badVrfySyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: VRFY address" },
  badExpnSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: EXPN address" },
  badAttributesSyntax: { code: 501, enhanced: "5.5.4", text: "Syntax: NAME=value, in xtext" },
  badEtrnDomain: { code: 501, enhanced: "5.5.4", text: "ETRN needs a full domain name" },
  etrnOfOneDomain: {
    code: 501,
    enhanced: "5.5.4",
    text: "Only one domain at a time: no subdomains and no queues",
  },
  badSender: { code: 501, enhanced: "5.1.7", text: "Bad sender address syntax" },
  badRecipient: { code: 501, enhanced: "5.1.3", text: "Bad recipient address syntax" },
  badAuthSyntax: {
    code: 501,
    enhanced: "5.5.4",
    text: "Syntax: AUTH mechanism [initial-response]",
  },
  badAuthResponse: {
    code: 501,
    enhanced: "5.5.2",
    text: "Cannot decode the authentication response",
  },
  authCancelled: { code: 501, enhanced: "5.7.0", text: "Authentication cancelled" },
  authTooLong: { code: 500, enhanced: "5.5.6", text: "Authentication response is too long" },
  notImplemented: { code: 502, enhanced: "5.5.1", text: "Command not implemented" },
  helloFirst: { code: 503, enhanced: "5.5.1", text: "Say EHLO first" },
  lhloFirst: { code: 503, enhanced: "5.5.1", text: "Say LHLO first" },
  mailFirst: { code: 503, enhanced: "5.5.1", text: "MAIL first" },
  rcptFirst: { code: 503, enhanced: "5.5.1", text: "RCPT first" },
  nestedMail: { code: 503, enhanced: "5.5.1", text: "There is a mail transaction already" },
  dataAfterBdat: { code: 503, enhanced: "5.5.1", text: "BDAT has begun, go on with BDAT" },
  rcptAfterBdat: {
    code: 503,
    enhanced: "5.5.1",
    text: "The message has begun, no more recipients",
  },
  binaryNeedsBdat: { code: 503, enhanced: "5.5.1", text: "BODY=BINARYMIME needs BDAT" },
  transactionFailed: { code: 503, enhanced: "5.5.1", text: "The transaction has failed, say RSET" },
  tlsIsOn: { code: 503, enhanced: "5.5.1", text: "TLS is on already" },
  authIsDone: { code: 503, enhanced: "5.5.1", text: "You are authenticated already" },
  authInTransaction: { code: 503, enhanced: "5.5.1", text: "No AUTH within a mail transaction" },
  unknownMechanism: { code: 504, enhanced: "5.5.4", text: "Unknown authentication mechanism" },
  tlsRequired: { code: 530, enhanced: "5.7.0", text: "Say STARTTLS first" },
  authRequired: { code: 530, enhanced: "5.7.0", text: "Authentication required" },
  badCredentials: { code: 535, enhanced: "5.7.8", text: "Authentication credentials invalid" },
  authNeedsTls: { code: 538, enhanced: "5.7.11", text: "Encryption required: say STARTTLS first" },
  mayNotNameClients: {
    code: 550,
    enhanced: "5.7.1",
    text: "You may not say for whom you speak",
  },
  noSoliciting: {
    code: 550,
    enhanced: "5.7.1",
    text: "Solicitations of this class are not taken here",
  },
  bareLineEnd: {
    code: 550,
    enhanced: "5.6.11",
    text: "Message has a CR or LF that is not part of CRLF",
  },
  tooLarge: { code: 552, enhanced: "5.3.4", text: "Message exceeds the size limit" },
  needsSmtpUtf8: {
    code: 553,
    enhanced: "5.6.7",
    text: "A UTF-8 address needs the SMTPUTF8 parameter",
  },
  noValidRecipients: { code: 554, enhanced: "5.5.1", text: "No valid recipients" },
  earlyTalker: { code: 554, enhanced: "5.5.1", text: "You spoke before the greeting" },
  hasNul: { code: 554, enhanced: "5.6.0", text: "Message has a NUL octet" },
  unknownParameter: { code: 555, enhanced: "5.5.4", text: "Parameter not recognized" },
} as const satisfies Record<string, Reply>;

/** A parameter that is known and cannot be understood: says which. */
export const badParameter = (why: string): Reply => ({ code: 501, enhanced: "5.5.4", text: why });

export const unknownParameter = (keyword: string): Reply => ({
  ...replies.unknownParameter,
  text: `Parameter ${keyword.slice(0, 40)} not recognized`,
});
