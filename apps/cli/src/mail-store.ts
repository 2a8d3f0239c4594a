import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";

/** The store of this configuration, for commands that look into mailboxes themselves. */
export const openStoreOf = (config: Config): Promise<MailStore> =>
  openMailStore({
    mailDirectory: config.paths.mail,
    messageBytesMax: config.limits.messageBytesMax,
    host: config.hostname,
    expungedDays: config.retention.expungedDays,
  });
