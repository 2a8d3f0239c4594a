import type { Reply } from "@posthouse/smtp";

/** What is said to whoever writes to a mailing list that does not take it. Each says what to do. */
export const listReplies = {
  cannotTellYet: {
    code: 451,
    enhanced: "4.7.0",
    text: "The DNS does not tell now who has written this, try again later",
  },
  alone: {
    code: 452,
    enhanced: "4.5.3",
    text: "Send to a mailing list in a transaction of its own",
  },
  noNotifications: {
    code: 550,
    enhanced: "5.7.1",
    text: "A mailing list takes no notifications: send them to its address with -bounces",
  },
  noAutomaticAnswers: {
    code: 550,
    enhanced: "5.7.1",
    text: "An automatic answer is not for a mailing list",
  },
  looksLikeSpam: {
    code: 550,
    enhanced: "5.7.1",
    text: "This looks like spam, and the mailing list does not send it on",
  },
  notFromYou: {
    code: 550,
    enhanced: "5.7.2",
    text: "You may not write to this mailing list: ask its owner, at its address with -owner",
  },
  unproven: {
    code: 550,
    enhanced: "5.7.2",
    text: "This mailing list wants to know who writes, and neither SPF nor DKIM shows it: write through your domain's own servers, or log in",
  },
  circle: {
    code: 554,
    enhanced: "5.4.6",
    text: "This message has been on the mailing list before: it goes in circles",
  },
} as const satisfies Record<string, Reply>;
