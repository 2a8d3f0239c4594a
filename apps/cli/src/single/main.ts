import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import {
  type AppContext,
  type AppName,
  type Config,
  type Logger,
  type ProcessContext,
  type RunningApp,
  runApps,
  type SharedProcess,
} from "@posthouse/service";
import { startFile } from "../app-file.ts";
import { DailyTidy } from "../supervisor/daily-tidy.ts";
import { TIDY_FLAG } from "./tidy-flag.ts";

/**
 * All servers in one process, for machines on which 320 MiB are too many: they meet over the same sockets and files as
 * ever, and an error in one ends all. One store is for all of them: locks of mbox files are the process's, so that two
 * stores in it would not keep out each other.
 */
runApps("single", { flags: [TIDY_FLAG], open });

async function open({ config, log, flags }: ProcessContext): Promise<SharedProcess> {
  const store = await openStore(config, log);
  const app = async (name: AppName) => {
    const { start } = (await import(startFile(name))) as { readonly start: StartWithStore };
    return { name, start: (context: AppContext) => start(context, { store }) };
  };
  const own = process.argv.slice(2).filter((word) => word !== `--${TIDY_FLAG}`);
  const nightly = flags.has(TIDY_FLAG) ? new DailyTidy(own, log) : undefined;
  const row = (...names: readonly AppName[]) => Promise.all(names.map(app));
  return {
    rows: [
      await row("auth"),
      await row("lmtp-delivery", "smtp-out"),
      await row("smtp-in", "imap", "pop3", "managesieve", "http"),
    ],
    onReady: () => nightly?.begin(),
    close: async () => {
      nightly?.end();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** As `start` of each app; those that know no mailboxes pass over the store. */
type StartWithStore = (
  context: AppContext,
  parts: { readonly store: MailStore },
) => Promise<RunningApp>;

/** What smtp-in and lmtp-delivery write above a message that was as large as it may be. */
const ADDED_BYTES_MAX = 128 * 1024;

const openStore = (config: Config, log: Logger): Promise<MailStore> =>
  openMailStore({
    mailDirectory: config.paths.mail,
    messageBytesMax: config.limits.messageBytesMax + ADDED_BYTES_MAX,
    host: config.hostname,
    expungedDays: config.retention.expungedDays,
    log: (text) => log.warn(text),
    fillsSearchText: true,
  });
