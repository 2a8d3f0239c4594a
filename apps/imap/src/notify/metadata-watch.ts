import { createHash } from "node:crypto";
import { type AccountMail, type MailboxInfo, StoreError } from "@posthouse/mailbox-store";
import type { Enabled } from "../enabled.ts";
import { limits } from "../limits.ts";
import { CommandFailure } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import { overflow } from "../syntax/notify-arguments.ts";
import { formatAstring, formatQuotedMailbox } from "../syntax/strings.ts";

/** Whose annotations a client wants to hear of. */
export interface WantedMetadata {
  readonly ofServer: boolean;
  isOf(mailbox: MailboxInfo): boolean;
}

/** By entry: what the value was, in brief. */
type Values = ReadonlyMap<string, string>;

/** The server's, whose name is "" to clients too. */
const SERVER = "";
/** The key of URLAUTH is no word from one client to another. */
const isOurs = (entry: string): boolean => entry.startsWith("/private/vendor/posthouse/");

/**
 * Tells which annotations somebody else changed: RFC 5464 §4.4.2, RFC 5465 §5.6 and §5.7. As all news it is
 * found by looking, when the store says that something in the account changed, and only names are told.
 */
export class MetadataWatch implements Disposable {
  readonly #mail: AccountMail;
  readonly #wanted: WantedMetadata;
  readonly #enabled: Enabled;
  readonly #changes: Disposable;
  #known: ReadonlyMap<string, Values> = new Map();
  #isDue = false;

  private constructor(mail: AccountMail, wanted: WantedMetadata, enabled: Enabled) {
    this.#mail = mail;
    this.#wanted = wanted;
    this.#enabled = enabled;
    this.#changes = mail.onChange(() => {
      this.#isDue = true;
    });
  }

  /** @throws CommandFailure NO [NOTIFICATIONOVERFLOW] where that is too much to watch */
  static async open(
    mail: AccountMail,
    wanted: WantedMetadata,
    enabled: Enabled,
  ): Promise<MetadataWatch> {
    const watch = new MetadataWatch(mail, wanted, enabled);
    try {
      watch.#known = await watch.#read();
      return watch;
    } catch (error) {
      watch[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
  }

  /** `* METADATA "INBOX" /shared/comment`, for each place that is not as it was. */
  async tell(output: ResponseWriter): Promise<void> {
    if (!this.#isDue) return;
    this.#isDue = false;
    const before = this.#known;
    this.#known = await this.#read();
    for (const [name, values] of this.#known) {
      const entries = changedEntries(before.get(name), values);
      if (entries.length === 0) continue;
      const shown =
        name === SERVER
          ? '""'
          : formatQuotedMailbox(clientNameOf(name, this.#mail.hierarchy), this.#enabled);
      output.untagged(`METADATA ${shown} ${entries.map(formatAstring).join(" ")}`);
      await output.pace();
    }
  }

  /** What the client itself did is no news. */
  async noteOwn(name: string | undefined): Promise<void> {
    const own = name ?? SERVER;
    if (!this.#known.has(own)) return;
    this.#known = new Map([...this.#known, [own, await this.#valuesOf(own)]]);
  }

  async #read(): Promise<ReadonlyMap<string, Values>> {
    const names = this.#wanted.ofServer ? [SERVER] : [];
    for (const mailbox of await this.#mail.listMailboxes()) {
      if (mailbox.exists && this.#wanted.isOf(mailbox)) names.push(mailbox.name);
    }
    if (names.length > limits.notifyMailboxesMax) throw overflow();
    const values = new Map<string, Values>();
    for (const name of names) values.set(name, await this.#valuesOf(name));
    return values;
  }

  /** None for a mailbox that went meanwhile, or whose annotations are not for this user. */
  async #valuesOf(name: string): Promise<Values> {
    try {
      const { found } = await this.#mail.annotations(name === SERVER ? undefined : name, {
        entries: ["/private", "/shared"],
        depth: "infinity",
      });
      return new Map(
        found.flatMap(({ entry, value }) => (isOurs(entry) ? [] : [[entry, digestOf(value)]])),
      );
    } catch (error) {
      const isHidden = error instanceof CommandFailure;
      if (!isHidden && !(error instanceof StoreError && error.code === "not-found")) throw error;
      return new Map();
    }
  }
}

/** With those that are gone, which RFC 5465 §5.6 wants in any case. */
function changedEntries(before: Values = new Map(), after: Values): string[] {
  const gone = [...before.keys()].filter((entry) => !after.has(entry));
  const changed = [...after].filter(([entry, value]) => before.get(entry) !== value);
  return [...changed.map(([entry]) => entry), ...gone];
}

const digestOf = (value: Uint8Array): string => createHash("sha256").update(value).digest("base64");
