import { SpoolUnavailable } from "@posthouse/file-spool";
import { EventWriter, type ImapEvent } from "@posthouse/imap-events";
import { StoreError, type Uid } from "@posthouse/mailbox-store";
import type { AppContext } from "@posthouse/service";
import { limits } from "./limits.ts";
import type { GuardedMailbox } from "./mailboxes/guarded-mailbox.ts";
import type { Place, UserMail } from "./mailboxes/user-mail.ts";
import { CommandFailure } from "./response.ts";
import { formatUidSet } from "./syntax/sequence-set.ts";

/** Messages by the flags that changed, with spaces between these. */
export type ChangedFlags = ReadonlyMap<string, readonly Uid[]>;

/** Which script a mailbox has, or all mailboxes of an account without one of their own: RFC 6785 §2.3.1. */
export const scriptEntry = "/shared/imapsieve/script";

/**
 * Tells lmtp-delivery of what was done in mailboxes that have a script; it runs the script when the client has
 * its answer (RFC 6785). What a mailbox has is asked again after a second at the latest, so that commands
 * in the others pay next to nothing. Nothing here fails a command, which is done by then.
 */
export class ScriptEvents {
  readonly #writer: EventWriter | undefined;
  readonly #log: AppContext["log"];
  readonly #scripts = new Map<string, string | undefined>();
  #knownSinceMs = 0;

  constructor(config: AppContext["config"], log: AppContext["log"]) {
    // RFC 6785 §2.3.1: there is none without a ManageSieve server.
    const isOn = config.managesieve.listeners.length > 0;
    this.#writer = isOn ? new EventWriter(config.sieve.imapEventsDirectory) : undefined;
    this.#log = log;
  }

  /** Annotations or names are others now. */
  forget(): void {
    this.#scripts.clear();
  }

  /** New messages: RFC 6785 §2.2.1 and §2.2.2, and RFC 6851 §4.5. */
  async added(
    mail: UserMail,
    {
      mailboxName,
      uidValidity,
      uids,
      cause,
    }: {
      readonly mailboxName: string;
      readonly uidValidity: number;
      readonly uids: readonly number[];
      readonly cause: "APPEND" | "COPY";
    },
  ): Promise<void> {
    if (uids.length === 0) return;
    await this.#tell(mail, mailboxName, async (place) => {
      const { mailboxId } = await place.mail.status(place.name);
      return {
        cause,
        mailboxId,
        uidValidity,
        messages: [{ uids: formatUidSet(uids), changedFlags: [] }],
      };
    });
  }

  /** RFC 6785 §2.2.3. `changed` is asked only where it matters. */
  async flagged(
    mail: UserMail,
    { name, mailboxId, uidValidity }: GuardedMailbox,
    changed: () => ChangedFlags,
  ): Promise<void> {
    await this.#tell(mail, name, async ({ isShared }) => {
      const messages = [...changed()].flatMap(([flags, uids]) => {
        // A guest's \Seen is the guest's own: the owner's message is as it was.
        const changedFlags = flags.split(" ").filter((flag) => !isShared || flag !== "\\Seen");
        return changedFlags.length === 0 ? [] : [{ uids: formatUidSet(uids), changedFlags }];
      });
      return { cause: "FLAG", mailboxId, uidValidity, messages };
    });
  }

  async #tell(
    mail: UserMail,
    mailboxName: string,
    what: (
      place: Place,
    ) => Promise<Pick<ImapEvent, "cause" | "mailboxId" | "uidValidity" | "messages">>,
  ): Promise<void> {
    if (this.#writer === undefined) return;
    try {
      const place = await mail.place(mailboxName);
      const script = await this.#scriptOf(place);
      if (script === undefined) return;
      const event = await what(place);
      if (event.messages.length === 0) return;
      await this.#writer.write({
        version: 1,
        account: place.owner.address,
        user: mail.account.address,
        mailbox: place.name,
        script,
        ...event,
      });
    } catch (err) {
      const isForeseen =
        err instanceof SpoolUnavailable ||
        err instanceof StoreError ||
        err instanceof CommandFailure;
      if (!isForeseen) throw err;
      const about = { account: mail.account.address, mailbox: mailboxName };
      this.#log.warn({ err, ...about }, "A script of a mailbox does not run");
    }
  }

  /** RFC 6785 §2.3.1: that of the mailbox, also where it is empty, which means none; else that of the account. */
  async #scriptOf({ mail, name, owner }: Place): Promise<string | undefined> {
    const nowMs = Date.now();
    if (nowMs - this.#knownSinceMs > limits.scriptNameMs) {
      this.#scripts.clear();
      this.#knownSinceMs = nowMs;
    }
    const key = `${owner.id} ${name}`;
    if (this.#scripts.has(key)) return this.#scripts.get(key);
    const query = { entries: [scriptEntry] };
    const [own] = (await mail.annotations(name, query)).found;
    const [found] = own === undefined ? (await mail.annotations(undefined, query)).found : [own];
    const text = Buffer.from(found?.value ?? "").toString("utf8");
    const script = text === "" ? undefined : text;
    this.#scripts.set(key, script);
    return script;
  }
}
