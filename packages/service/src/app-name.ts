/** Every server of Posthouse, in the order in which they start: each finds what it needs from those before it. */
export const appNames = [
  "auth",
  "lmtp-delivery",
  "smtp-out",
  "smtp-in",
  "imap",
  "pop3",
  "managesieve",
  "http",
] as const;
export type AppName = (typeof appNames)[number];
