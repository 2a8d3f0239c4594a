import type { Reply } from "@posthouse/smtp";

/** What smtp-in says beyond the protocol's own replies. */
export const replies = {
  cannotVerify: { code: 252, enhanced: "2.1.5", text: "Cannot verify, send to it and see" },
  expandsForPeople: { code: 550, enhanced: "5.7.1", text: "Log in to expand an address" },
  sentOn: { code: 250, enhanced: "2.1.5", text: "Sent on to the members of the list" },
  recipientOk: { code: 250, enhanced: "2.1.5", text: "Recipient ok" },
  tooManyFailures: { code: 421, enhanced: "4.7.0", text: "Too many failed logins" },
  refusesAlone: {
    code: 452,
    enhanced: "4.5.3",
    text: "Send to this recipient in a transaction of its own",
  },
  directoryUnavailable: {
    code: 451,
    enhanced: "4.3.0",
    text: "Cannot look up addresses now, try again later",
  },
  banned: { code: 421, enhanced: "4.7.0", text: "Your address is turned away for a time" },
  tooManyPerMinute: {
    code: 421,
    enhanced: "4.7.0",
    text: "Too many connections in a minute from your address, come back later",
  },
  tooManyMessages: {
    code: 450,
    enhanced: "4.7.1",
    text: "Too many messages in an hour, try again later",
  },
  tooManyRecipientsAnHour: {
    code: 450,
    enhanced: "4.7.1",
    text: "Too many recipients in an hour, try again later",
  },
  relayedTooMuch: {
    code: 450,
    enhanced: "4.7.1",
    text: "Your network has sent its messages for this hour, try again later",
  },
  urlUnavailable: {
    code: 451,
    enhanced: "4.4.1",
    text: "Mailboxes cannot be read now, try again later",
  },
  queueUnavailable: {
    code: 452,
    enhanced: "4.3.1",
    text: "Cannot store mail now, try again later",
  },
  authUnavailable: {
    code: 454,
    enhanced: "4.7.0",
    text: "Cannot check passwords now, try again later",
  },
  badAuthResponse: {
    code: 501,
    enhanced: "5.5.2",
    text: "Cannot decode the authentication response",
  },
  authCancelled: { code: 501, enhanced: "5.7.0", text: "Authentication cancelled" },
  badCredentials: { code: 535, enhanced: "5.7.8", text: "Authentication credentials invalid" },
  unknownUser: { code: 550, enhanced: "5.1.1", text: "No such user here" },
  notForEverybody: {
    code: 550,
    enhanced: "5.7.2",
    text: "You may not send to this address: log in as one of those whom it is for",
  },
  noRelaying: { code: 550, enhanced: "5.7.1", text: "Relaying is not permitted" },
  notYourAddress: { code: 553, enhanced: "5.7.1", text: "You may not send as this address" },
  severalFrom: {
    code: 550,
    enhanced: "5.6.0",
    text: "The message has more than one From field, send it with one",
  },
  binaryHeader: {
    code: 550,
    enhanced: "5.6.11",
    text: "The header has a CR, LF or NUL that is part of no line end, send it with CRLF alone",
  },
  noAuthor: { code: 550, enhanced: "5.6.0", text: "The From field has no address" },
  notYourAuthor: {
    code: 550,
    enhanced: "5.7.1",
    text: "The From field has an address that you may not send as",
  },
  headerTooLarge: {
    code: 552,
    enhanced: "5.3.4",
    text: "The header is too large to be looked at, 64 KiB at most",
  },
  urlNotThere: {
    code: 554,
    enhanced: "5.6.6",
    text: "The URL opens no message: it is wrong, or over, or was revoked",
  },
  urlNotForYou: {
    code: 554,
    enhanced: "5.7.0",
    text: "The URL is for somebody else: sign one with URLAUTH=submit+ and your address",
  },
  urlElsewhere: {
    code: 554,
    enhanced: "5.7.14",
    text: "Only imap URLs of this host are fetched",
  },
  tooManyHops: {
    code: 554,
    enhanced: "5.4.6",
    text: "Too many hops: this message goes in circles",
  },
} as const satisfies Record<string, Reply>;

/** The reply to end of data: it names the message as the log and the trace do. */
export const queuedAs = (messageId: string): Reply => ({
  code: 250,
  enhanced: "2.0.0",
  text: `Ok: queued as ${messageId}`,
});
