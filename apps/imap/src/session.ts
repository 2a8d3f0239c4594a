import { AuthUnavailable, saslMechanisms } from "@posthouse/accounts";
import { StoreError } from "@posthouse/mailbox-store";
import type { Config, SessionOptions } from "@posthouse/service";
import { ConnectionLost, IdleTimeout, LineTooLong, type WireConnection } from "@posthouse/wire";
import { Alarm } from "./alarm.ts";
import { BrokenLiteral } from "./answers/fetch-response.ts";
import { capabilityText } from "./capabilities.ts";
import type { Command, Completion, Session } from "./command.ts";
import { tellMessages } from "./commands/fetch.ts";
import { commands } from "./commands.ts";
import { Enabled, type EnableName } from "./enabled.ts";
import { IncomingCommand } from "./incoming-command.ts";
import { inLanguage, type Language } from "./language/languages.ts";
import { limits } from "./limits.ts";
import { type MessageLimits, unlessSwitchedOff } from "./message-limit.ts";
import { MetadataWatch, type WantedMetadata } from "./notify/metadata-watch.ts";
import { Notification } from "./notify/notification.ts";
import type { OwnChange, OwnMessages } from "./notify/own-changes.ts";
import { tellProgress } from "./progress.ts";
import {
  bad,
  CommandFailure,
  Farewell,
  no,
  type ResponseCode,
  refusalOf,
  responseText,
} from "./response.ts";
import { ResponseWriter } from "./response-writer.ts";
import type { ChangedFlags } from "./script-events.ts";
import { type Additions, withAttributes } from "./search/search-contexts.ts";
import type { SelectedMailbox } from "./selected-mailbox.ts";
import type { Services } from "./services.ts";
import type { State, User } from "./state.ts";
import { type SwitchedOff, switchedOffFor } from "./switched-off.ts";
import type { NotifyRequest } from "./syntax/notify-arguments.ts";
import { NumberRanges, parseSequenceSet } from "./syntax/sequence-set.ts";

export type ImapListener = Config["imap"]["listeners"][number];

/**
 * One connection: reads a command, checks its state, runs it, writes the outcome, and again.
 *
 *   read line ─▶ find command ─▶ gather literals ─▶ look at the mailbox ─▶ run ─▶ tell what is new ─▶ tagged answer
 *                     └───────────────────┴── a failure ──┴──▶ drop the rest of the command ──────▶ ┘
 *
 * Commands run one after the other, also when they come together: an answer never speaks of a later
 * command. Whatever a command throws becomes an answer here and nowhere else.
 */
export class ImapSession implements Session {
  readonly services: Services;
  readonly connection: WireConnection;
  readonly output: ResponseWriter;
  readonly enabled = new Enabled();
  failedLogins = 0;
  language: Language = "i-default";
  clientName: string | undefined;
  farewell = new Farewell(undefined, "Shutting down");
  #state: State = { name: "not-authenticated" };
  #user: User | undefined;
  #incoming: IncomingCommand | undefined;
  #notification: Notification | undefined;
  /** What ENABLE METADATA asked for, until a NOTIFY says more exactly what is wanted. */
  #metadata: MetadataWatch | undefined;
  #badCommands = 0;
  #isWaiting = true;
  #isClosing = false;
  #hasSaidBye = false;
  /** Whoever waits for long in a command: one at a time, as commands run. */
  #closingListener: (() => void) | undefined;
  #loginTimer: NodeJS.Timeout | undefined;
  readonly #isImplicitTls: boolean;
  readonly #listener: ImapListener;

  constructor(
    connection: WireConnection,
    services: Services,
    options: SessionOptions<ImapListener>,
  ) {
    this.connection = connection;
    this.#isImplicitTls = options.isImplicitTls;
    this.#listener = options.listener;
    this.services = services;
    this.output = new ResponseWriter(connection);
    this.#loginTimer = this.#waitForLogin();
  }

  get wantsClientCertificate(): boolean {
    return this.#listener.clientCertificates;
  }

  get mechanisms(): readonly string[] {
    const { services } = this;
    return saslMechanisms(this.connection, {
      hasScramSha1: services.config.auth.scramSha1,
      takesTokens: services.takesTokens,
    });
  }

  get switchedOff(): SwitchedOff {
    return switchedOffFor(this.services.config.imap, this.#listener, {
      account: this.#user?.account.address,
      client: this.clientName,
    });
  }

  get messageLimits(): MessageLimits {
    return unlessSwitchedOff(this.services.messageLimits, this.switchedOff);
  }

  inLanguage(text: string): string {
    return inLanguage(this.language, text);
  }

  get state(): State {
    return this.#state;
  }

  get incoming(): IncomingCommand {
    if (this.#incoming === undefined) throw new Error("No command is running");
    return this.#incoming;
  }

  get isLoginAllowed(): boolean {
    if (this.connection.isEncrypted) return true;
    const { allowPlaintextFrom } = this.services.config.auth;
    return allowPlaintextFrom === "loopback" && isLoopback(this.connection.remoteAddress);
  }

  /** Serves the client until one of the two ends it. Never rejects. */
  async run(): Promise<void> {
    try {
      // At each connection anew, so that a renewed certificate is shown from the next one on.
      if (this.#isImplicitTls) {
        const asked = { clientCertificate: this.wantsClientCertificate };
        await this.connection.startTls(this.services.tls.options(asked));
      }
      this.output.untagged(`OK ${this.#greeting()}`);
      while (this.#state.name !== "logout" && !this.#isClosing) {
        if (!(await this.#serveOne())) break;
      }
      if (this.#isClosing && this.#state.name !== "logout")
        this.#sayBye(this.farewell.code, this.farewell.message);
    } catch (error) {
      this.#endAfter(error);
    } finally {
      await this.#leave();
    }
  }

  /** Says BYE: at once where the client is waited for, else behind the answer to the running command. */
  close(): void {
    this.#isClosing = true;
    this.#closingListener?.();
    if (!this.#isWaiting) return;
    this.#sayBye(this.farewell.code, this.farewell.message);
    this.connection.close();
  }

  endLogin(): void {
    // RFC 5530 §3: the credentials are no longer taken, and the client should get others.
    this.farewell = new Farewell("EXPIRED", "Your login has ended: log in again");
    this.close();
    setTimeout(() => this.destroy(), limits.endedLoginMsMax).unref();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.connection.destroy();
  }

  onClosing(listener: () => void): Disposable {
    this.#closingListener = listener;
    return {
      [Symbol.dispose]: () => {
        this.#closingListener = undefined;
      },
    };
  }

  enable(name: EnableName): boolean {
    const hadModSeqs = this.enabled.has("CONDSTORE");
    if (!this.enabled.add(name)) return false;
    // RFC 7162 §3.1: the mailbox that is selected now, too.
    if (!hadModSeqs && this.enabled.has("CONDSTORE") && this.#state.name === "selected") {
      this.#state.selected.tellHighestModSeq(this.output);
    }
    return true;
  }

  async notify(request: NotifyRequest | undefined): Promise<void> {
    if (this.#user === undefined) return;
    const { mail } = this.#user;
    const next = await Notification.open(
      mail,
      request ?? { tellsStatus: false, others: [] },
      this.enabled,
    );
    this.#notification?.[Symbol.dispose]();
    this.#notification = next;
    this.#stopMetadata();
    if (this.#state.name === "selected") this.#state.selected.takeNew();
    if (request?.tellsStatus) await next.tellStatuses(this.output, this.#selectedName);
  }

  async watchMetadata(): Promise<void> {
    // NOTIFY says more exactly what the client wants to hear (RFC 5465 §5.6).
    if (this.#user === undefined || this.#notification !== undefined) return;
    const { mail } = this.#user;
    const next = await MetadataWatch.open(mail, allMetadata(this.enabled), this.enabled);
    this.#metadata?.[Symbol.dispose]();
    this.#metadata = next;
  }

  async noteMetadata(mailboxName: string | undefined): Promise<void> {
    this.services.scriptEvents.forget();
    await this.#metadata?.noteOwn(mailboxName);
    await this.#notification?.noteOwnMetadata(mailboxName);
  }

  async noteOwn(change: OwnChange): Promise<void> {
    this.services.scriptEvents.forget();
    await this.#notification?.noteOwn(change);
  }

  async noteOwnMessages(
    mailboxName: string,
    own: OwnMessages,
    cause: "APPEND" | "COPY",
  ): Promise<void> {
    await this.#notification?.noteOwnMessages(mailboxName, own);
    if (this.#user === undefined || this.switchedOff.has("IMAPSIEVE")) return;
    await this.services.scriptEvents.added(this.#user.mail, { mailboxName, cause, ...own });
  }

  async noteFlags(changed: () => ChangedFlags): Promise<void> {
    if (this.#state.name !== "selected" || this.switchedOff.has("IMAPSIEVE")) return;
    const { user, selected } = this.#state;
    await this.services.scriptEvents.flagged(user.mail, selected.mailbox, changed);
  }

  async push({ isIdle }: { readonly isIdle: boolean }): Promise<void> {
    this.output.beginTurn();
    const notification = this.#notification;
    if (this.#state.name === "selected") {
      const { selected } = this.#state;
      const group = notification?.selected;
      if (notification === undefined) {
        await selected.refresh();
        await this.#tellSelected(selected, { expunges: "tell", isUid: false });
      } else if (group?.events.has("MessageNew")) {
        await selected.refresh();
        await this.#tellSelected(selected, {
          // RFC 5465 §6.1.2: IDLE is a command that may tell them.
          expunges: group.isDelayed && !isIdle ? "hold" : "tell",
          flags: group.events.has("FlagChange") ? "tell" : "hold",
          isUid: true,
        });
      }
    }
    await this.#tellMetadata();
    await this.#pushOthers(notification);
  }

  /** RFC 5465 §5.8: where there is more to watch than can be, the client hears that it is not watched. */
  async #pushOthers(notification: Notification | undefined): Promise<void> {
    try {
      await notification?.tell(this.output, this.#selectedName);
    } catch (error) {
      const isOverflow = error instanceof CommandFailure || error instanceof StoreError;
      if (!isOverflow) throw error;
      this.#tellOverflow();
      await this.notify(undefined);
    }
  }

  get #selectedName(): string | undefined {
    return this.#state.name === "selected" ? this.#state.selected.mailbox.name : undefined;
  }

  async deselect(): Promise<void> {
    if (this.#state.name !== "selected") return;
    await this.#enter({ name: "authenticated", user: this.#state.user });
  }

  #greeting(): string {
    return responseText(
      `CAPABILITY ${capabilityText(this)}`,
      `${this.services.config.hostname} Posthouse ready`,
    );
  }

  /** One command and its answer; false when the client has gone. */
  async #serveOne(): Promise<boolean> {
    const incoming = await this.#nextCommand();
    if (incoming === undefined) return false;
    if (this.#isClosing) return true;
    // iPhones send one behind a literal: told BAD, a client takes it for the answer to what it sends next.
    if (incoming.isEmptyLine) {
      this.#countBad();
      return true;
    }
    try {
      const done = await this.#perform(incoming);
      this.#badCommands = 0;
      this.#answer(incoming.tag, "OK", done.codeThen?.(this) ?? done.code, done.text);
      await done.afterwards?.();
      if (done.state?.name === "not-authenticated") this.#forget();
    } catch (error) {
      const failure = this.#asFailure(error);
      await finish(incoming);
      this.#answer(incoming.tag, failure.condition, failure.code, failure.message);
      if (failure.condition === "BAD") this.#countBad();
    } finally {
      this.#incoming = undefined;
    }
    return true;
  }

  /**
   * Commands that come together share one slice of work, and none is read while the client leaves the
   * answers to those before it unread: else they would pile up here without a bound.
   */
  async #nextCommand(): Promise<IncomingCommand | undefined> {
    for (;;) {
      await this.output.pace();
      if (this.#isClosing) return undefined;
      const isFirst = !this.connection.hasBuffered();
      this.#isWaiting = true;
      try {
        const incoming = await this.#pushUntil(IncomingCommand.read(this.connection, this.output));
        if (isFirst) this.output.beginTurn();
        this.#incoming = incoming;
        return incoming;
      } catch (error) {
        if (!(error instanceof LineTooLong)) throw error;
        const text = this.inLanguage(`A line has more than ${error.bytesMax} octets`);
        this.output.untagged(`BAD [TOOBIG] ${text}`);
        this.#countBad();
      } finally {
        this.#isWaiting = false;
      }
    }
  }

  /** Between commands, where NOTIFY asks for it, what is new is told as it comes. */
  async #pushUntil(
    reading: Promise<IncomingCommand | undefined>,
  ): Promise<IncomingCommand | undefined> {
    const notification = this.#notification;
    if (notification === undefined) return await reading;
    const alarm = new Alarm<"change" | "command">();
    using _due = notification.onDue(() => alarm.ring("change"));
    const command = reading.finally(() => alarm.ring("command"));
    // It may fail while something is told; it is awaited below in any case.
    command.catch(() => {});
    if (notification.isDue) alarm.ring("change");
    for (;;) {
      const reasons = await alarm.wait();
      if (reasons.has("command") || this.#notification !== notification) return await command;
      this.#isWaiting = false;
      await this.push({ isIdle: false });
      await this.output.flush();
      this.#isWaiting = true;
      if (this.#isClosing || this.connection.isClosed) return undefined;
    }
  }

  async #perform(incoming: IncomingCommand): Promise<Completion> {
    const command = this.#find(incoming);
    await incoming.gather({
      literalBytesMax:
        this.#state.name === "not-authenticated"
          ? limits.literalBytesMaxBeforeLogin
          : limits.literalBytesMax,
      unaskedBytesMax:
        this.services.config.imap.literals === "plus"
          ? Number.POSITIVE_INFINITY
          : limits.literalMinusBytesMax,
      takesLiteral: command.takesLiteral,
      refuseLiteral: command.refuseLiteral,
    });
    if (this.#user !== undefined) incoming.hierarchy = this.#user.mail.hierarchy;
    incoming.hasUtf8Names = this.enabled.hasUtf8Names;
    if (!command.isLeaving) await this.#lookBefore();
    using _progress = command.waitsForClient ? undefined : tellProgress(incoming.tag, this.output);
    try {
      const done = await command.run(this.#state, incoming.args, this);
      await finish(incoming);
      if (done.state !== undefined) await this.#enter(done.state);
      await this.#tell(command, done);
      return done;
    } catch (error) {
      // A refusal is told like a success: behind everything that the client has to know by then.
      const failure = this.#asFailure(error);
      await finish(incoming);
      if (failure.condition === "NO") await this.#tell(command);
      throw failure;
    }
  }

  #find(incoming: IncomingCommand): Command {
    if (incoming.tag === "*") throw bad("Expected a tag");
    if (incoming.name === "") throw bad("Expected a command");
    const command = commands.get(incoming.name);
    const isOff = command?.capability !== undefined && this.switchedOff.has(command.capability);
    if (command === undefined || isOff) throw bad(`Unknown command ${incoming.name.slice(0, 40)}`);
    if (!command.states.includes(this.#state.name)) {
      throw bad(`${command.name} is not allowed ${whyNot(command, this.#state)}`);
    }
    if (command.countsMessages && this.enabled.has("UIDONLY")) {
      throw bad(`UIDONLY is enabled: use UID ${command.name}`, "UIDREQUIRED");
    }
    return command;
  }

  /** What came in since the last answer counts for this command: `*` is the newest message. */
  async #lookBefore(): Promise<void> {
    if (this.#state.name !== "selected") return;
    await this.#state.selected.refresh();
    this.#state.selected.tellSize(this.output);
  }

  /** Where there has come to be too much to watch, the client hears that it is not watched. */
  async #tellMetadata(): Promise<void> {
    if (this.#user === undefined || this.#state.name === "logout") return;
    try {
      await this.#metadata?.tell(this.output);
    } catch (error) {
      if (!(error instanceof CommandFailure || error instanceof StoreError)) throw error;
      this.#tellOverflow();
      this.#stopMetadata();
    }
  }

  #stopMetadata(): void {
    this.#metadata?.[Symbol.dispose]();
    this.#metadata = undefined;
  }

  #tellOverflow(): void {
    this.output.untagged(
      `OK [NOTIFICATIONOVERFLOW] ${this.inLanguage("Nothing is watched any more")}`,
    );
  }

  async #tell(command: Command, done?: Completion): Promise<void> {
    await this.#tellMetadata();
    if (this.#state.name !== "selected") return;
    const { selected } = this.#state;
    if (command.isChange) await selected.refresh();
    const isUid = command.name.startsWith("UID ");
    // RFC 5465 §5.2: of a message that this client made itself it knows what it wants to know.
    const own = ownUids(done?.code, selected);
    await this.#tellSelected(selected, { expunges: command.expunges, isUid }, own);
  }

  /** What is new in the selected mailbox, with what is to be fetched of new messages, but for its `own`. */
  async #tellSelected(
    selected: SelectedMailbox,
    options: Parameters<SelectedMailbox["tell"]>[1],
    own?: NumberRanges,
  ): Promise<void> {
    const ofAll = this.#notification?.selected?.attributes ?? [];
    let ofFound: Additions["attributes"] = new Map();
    const fetchAdded = async (wanted: Additions["attributes"]) => {
      ofFound = wanted;
      if (ofAll.length === 0) await this.#fetchNew(selected, wanted, own);
    };
    await selected.tell(this.output, { ...options, fetchAdded });
    if (ofAll.length === 0) return;
    // RFC 5465 §5.2: where both ask, in one FETCH behind the ESEARCH.
    const uids = selected.takeNew();
    const wanted = new Map(uids.map((uid) => [uid, withAttributes(ofAll, ofFound.get(uid))]));
    await this.#fetchNew(selected, wanted, own);
  }

  async #fetchNew(
    selected: SelectedMailbox,
    wanted: Additions["attributes"],
    own: NumberRanges | undefined,
  ): Promise<void> {
    const groups = Map.groupBy(wanted, ([_uid, attributes]) => attributes);
    for (const [attributes, messages] of groups) {
      const uids = messages.map(([uid]) => uid).filter((uid) => own?.has(uid) !== true);
      await tellMessages(selected, uids, attributes, this);
    }
  }

  async #enter(state: State): Promise<void> {
    const before = this.#state;
    this.#state = state;
    if (before.name === "not-authenticated" && state.name === "authenticated") {
      this.#user = state.user;
      clearTimeout(this.#loginTimer);
      this.#loginTimer = undefined;
      this.connection.setIdle(limits.idleMsMax);
    }
    const isSame =
      before.name === "selected" && state.name === "selected" && state.selected === before.selected;
    if (before.name === "selected" && !isSame) await before.selected[Symbol.asyncDispose]();
    if (state.name === "not-authenticated") await this.#leaveUser();
  }

  async #leaveUser(): Promise<void> {
    const user = this.#user;
    this.#user = undefined;
    await user?.[Symbol.asyncDispose]();
  }

  /** RFC 8437 §4.1: what the connection has learned since its greeting is forgotten, but for TLS and ID. */
  #forget(): void {
    this.language = "i-default";
    this.enabled.clear();
    this.#notification?.[Symbol.dispose]();
    this.#notification = undefined;
    this.#stopMetadata();
    this.connection.setIdle(limits.loginMsMax);
    this.#loginTimer = this.#waitForLogin();
  }

  #waitForLogin(): NodeJS.Timeout {
    return setTimeout(() => this.#endUnlessLoggedIn(), limits.loginMsMax).unref();
  }

  #answer(
    tag: string,
    condition: "OK" | "NO" | "BAD",
    code: ResponseCode | undefined,
    text: string,
  ): void {
    this.output.write(`${tag} ${condition} ${responseText(code, this.inLanguage(text))}\r\n`);
    this.output.drain();
  }

  #countBad(): void {
    this.#badCommands += 1;
    if (this.#badCommands >= limits.badCommandsMax) {
      throw new Farewell(undefined, "Too many commands that are none");
    }
  }

  /** A failure that nobody foresaw is ours and not the client's: it is logged whole and told in brief. */
  #asFailure(error: unknown): CommandFailure {
    if (error instanceof CommandFailure) return error;
    if (isTheEnd(error)) throw error;
    if (error instanceof LineTooLong) {
      return bad(`A line has more than ${error.bytesMax} octets`, "TOOBIG");
    }
    const where = { command: this.#incoming?.name, remoteAddress: this.connection.remoteAddress };
    if (error instanceof AuthUnavailable) {
      this.services.log.warn({ err: error, ...where }, "Cannot check logins now");
      return no("UNAVAILABLE", "Cannot check logins now");
    }
    if (error instanceof StoreError) {
      if (error.code === "unavailable") {
        this.services.log.error({ err: error, ...where }, "The store could not do it");
      }
      return refusalOf[error.code]();
    }
    this.services.log.error({ err: error, ...where }, "A command failed in an unforeseen way");
    return no("SERVERBUG", "Internal error");
  }

  #endAfter(error: unknown): void {
    if (error instanceof Farewell) this.#sayBye(error.code, error.message);
    else if (error instanceof IdleTimeout) this.#sayBye(undefined, "Idle for too long");
    else if (!(error instanceof ConnectionLost)) {
      const { remoteAddress } = this.connection;
      // Inside a literal every word would be taken for its octets, and the client would believe them.
      if (error instanceof BrokenLiteral) this.connection.destroy();
      this.services.log.error(
        { err: error, remoteAddress },
        "A session ended in an unforeseen way",
      );
      this.#sayBye("SERVERBUG", "Internal error");
    }
  }

  #endUnlessLoggedIn(): void {
    if (this.#state.name !== "not-authenticated") return;
    this.#sayBye(undefined, "Nobody logged in");
    this.connection.close();
  }

  #sayBye(code: ResponseCode | undefined, text: string): void {
    if (this.#hasSaidBye) return;
    this.#hasSaidBye = true;
    this.output.untagged(`BYE ${responseText(code, this.inLanguage(text))}`);
    this.output.drain();
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#loginTimer);
    this.#notification?.[Symbol.dispose]();
    this.#stopMetadata();
    this.output.drain();
    this.connection.close();
    try {
      await this.#enter({ name: "logout" });
      await this.#leaveUser();
    } catch (error) {
      this.services.log.error({ err: error }, "Cannot close a mailbox");
    }
  }
}

/** RFC 5464 §4.1. */
const allMetadata = (enabled: Enabled): WantedMetadata => ({
  ofServer: true,
  isOf: () => enabled.has("METADATA"),
});

/** Nothing can be answered any more. */
const isTheEnd = (error: unknown): boolean =>
  error instanceof Farewell || error instanceof ConnectionLost || error instanceof BrokenLiteral;

function whyNot(command: Command, state: State): string {
  if (state.name === "not-authenticated") return "before login";
  return command.states.includes("selected") ? "without a selected mailbox" : "after login";
}

/** What APPENDUID or COPYUID says of the selected mailbox. */
function ownUids(
  code: ResponseCode | undefined,
  { mailbox }: SelectedMailbox,
): NumberRanges | undefined {
  const [, uidValidity, uids = ""] =
    /^(?:APPENDUID|COPYUID) (\d+) (?:\S+ )?(\S+)$/.exec(code ?? "") ?? [];
  const set = Number(uidValidity) === mailbox.uidValidity ? parseSequenceSet(uids) : undefined;
  return set && new NumberRanges(set, 0);
}

/** A line that is too long has been skipped to its end, so nothing of the command is left. */
async function finish(incoming: IncomingCommand): Promise<void> {
  try {
    await incoming.finish();
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
  }
}

/** 127.0.0.0/8 and ::1. */
const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
