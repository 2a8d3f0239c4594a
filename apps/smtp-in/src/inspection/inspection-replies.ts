import type { Reply } from "@posthouse/smtp";

/** What is said to a host whose message is not taken for what it is. Each says what to do. */
export const inspectionReplies = {
  cannotTellYet: (domain: string): Reply => ({
    code: 451,
    enhanced: "4.7.0",
    text: `The DNS does not tell now whether ${domain} sent this, try again later`,
  }),
  newHere: (seconds: number): Reply => ({
    code: 451,
    enhanced: "4.7.1",
    text: `Such mail from your host is new here, try again in ${seconds} s (greylisting)`,
  }),
  notItsAuthor: (domain: string): Reply => ({
    code: 550,
    enhanced: "5.7.1",
    text:
      `${domain} asks to refuse mail in its name that neither SPF nor DKIM shows to be its own (DMARC).` +
      ` Send it through that domain's servers, or have it signed with its DKIM key`,
  }),
  severalFromFields: {
    code: 550,
    enhanced: "5.6.0",
    text: "The message has more than one From field, so nobody knows who wrote it. Send it with one",
  },
  headerTooLarge: {
    code: 552,
    enhanced: "5.3.4",
    text: "The header of the message is larger than 256 KiB. Send it with a smaller one",
  },
} as const satisfies Record<
  string,
  Reply | ((domain: string) => Reply) | ((seconds: number) => Reply)
>;
