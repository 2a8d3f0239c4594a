import type { StoreErrorCode } from "@posthouse/mailbox-store";
import type { Reply } from "@posthouse/smtp";

/** What lmtp-delivery says beyond the protocol's own replies. */
export const replies = {
  recipientOk: { code: 250, enhanced: "2.1.5", text: "Recipient ok" },
  mayRefuse: { code: 252, enhanced: "2.7.1", text: "A filter may refuse it" },
  directoryUnavailable: {
    code: 451,
    enhanced: "4.3.0",
    text: "Cannot look up addresses now, try again later",
  },
  spoolUnavailable: {
    code: 452,
    enhanced: "4.3.1",
    text: "Cannot store mail now, try again later",
  },
  filterUnavailable: {
    code: 451,
    enhanced: "4.3.0",
    text: "Cannot send on what a filter wants to now, try again later",
  },
  fullForNow: { code: 452, enhanced: "4.2.2", text: "Mailbox is full" },
  full: { code: 552, enhanced: "5.2.2", text: "Mailbox is full, and has been for days" },
  badEnvelope: { code: 501, enhanced: "5.5.4", text: "XENVELOPE or XORIGINAL cannot be read" },
  unknownUser: { code: 550, enhanced: "5.1.1", text: "No such user here" },
  goesElsewhere: {
    code: 550,
    enhanced: "5.1.6",
    text: "This address is forwarded to another host: send it by SMTP",
  },
} as const satisfies Record<string, Reply>;

export const delivered = (messageId: string): Reply => ({
  code: 250,
  enhanced: "2.0.0",
  text: `Ok: delivered ${messageId}`,
});

/** What a filter refuses: in one line of ASCII, since that is what a reply is. */
export const refusedByFilter = (reason: string): Reply => {
  const line = reason
    .replace(/\s+/g, " ")
    .replace(/[^\x20-\x7e]/g, "?")
    .trim()
    .slice(0, 400);
  return { code: 550, enhanced: "5.7.1", text: line === "" ? "The recipient refuses this" : line };
};

const tryLater: Reply = { code: 451, enhanced: "4.3.0", text: "Mailbox is not available now" };

/** The store's word in the words of LMTP; its message names paths and stays in the log. */
export const replyOfStoreError = {
  // INBOX is always there: when it seems not to be, the account is being moved or mended.
  "not-found": tryLater,
  exists: tryLater,
  gone: tryLater,
  unreadable: tryLater,
  unavailable: tryLater,
  "read-only": { code: 450, enhanced: "4.2.1", text: "Mailbox is read-only now" },
  "not-permitted": { code: 550, enhanced: "5.2.1", text: "Mailbox does not take mail" },
  "over-quota": replies.fullForNow,
  limit: { code: 552, enhanced: "5.2.3", text: "Message is larger than the mailbox takes" },
  "bad-message": { code: 554, enhanced: "5.6.0", text: "Message cannot be stored" },
} as const satisfies Record<StoreErrorCode, Reply>;
