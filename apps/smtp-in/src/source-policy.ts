import { setTimeout as wait } from "node:timers/promises";
import { AuthUnavailable, type BanWatch } from "@posthouse/accounts";
import { AddressRanges, type Config, type EventTrail, type Logger } from "@posthouse/service";
import { networkOf, type Reply, type SmtpPeer } from "@posthouse/smtp";
import { limits } from "./limits.ts";
import { RateLimit } from "./rate-limit.ts";
import { replies } from "./replies.ts";

type Limits = Config["smtpIn"]["limits"];

export interface SourcePolicyOptions {
  readonly limits: Limits;
  readonly unlimitedFrom: readonly string[];
  readonly bans: BanWatch;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly now?: () => number;
  readonly wait?: (ms: number) => Promise<unknown>;
}

/**
 * What one source may do in a time, by what it is: an address, the network around it (24 bits of IPv4, 64
 * of IPv6; five times as much), an account. From half of a limit on it is slowed down, a little more with
 * each, and only at the limit told to come later: a list that sends much is late and loses nothing.
 *
 * This host and `unlimited_from` are under none of it.
 */
export class SourcePolicy {
  readonly #options: SourcePolicyOptions;
  readonly #unlimited: AddressRanges;
  readonly #rates: Readonly<Record<RateName, RateLimit>>;

  constructor(options: SourcePolicyOptions) {
    this.#options = options;
    this.#unlimited = new AddressRanges(options.unlimitedFrom);
    const now = options.now;
    const rate = (countMax: number, windowMs: number) =>
      new RateLimit({ countMax, windowMs, ...(now !== undefined && { now }) });
    const { connectionsPerMinute, messagesPerHour, recipientsPerHour } = options.limits;
    const { accountMessagesPerHour, accountRecipientsPerHour } = options.limits;
    this.#rates = {
      connections: rate(connectionsPerMinute, limits.minuteMs),
      networkConnections: rate(connectionsPerMinute * limits.networkFactor, limits.minuteMs),
      messages: rate(messagesPerHour, limits.hourMs),
      networkMessages: rate(messagesPerHour * limits.networkFactor, limits.hourMs),
      recipients: rate(recipientsPerHour, limits.hourMs),
      networkRecipients: rate(recipientsPerHour * limits.networkFactor, limits.hourMs),
      accountMessages: rate(accountMessagesPerHour, limits.hourMs),
      accountRecipients: rate(accountRecipientsPerHour, limits.hourMs),
    };
  }

  /** Before the greeting. */
  async connected(peer: SmtpPeer): Promise<Reply | undefined> {
    if (this.#isFree(peer)) return undefined;
    const seconds = await this.#bannedSeconds(peer.address);
    if (seconds > 0) return this.#refuse(peer, bannedFor(seconds));
    return (await this.#take(peer, "connections", "networkConnections"))
      ? undefined
      : this.#refuse(peer, replies.tooManyPerMinute);
  }

  /** At MAIL. */
  async message({ authenticatedAs: account, ...peer }: SmtpPeer): Promise<Reply | undefined> {
    const isTaken =
      account === undefined
        ? this.#isFree(peer) || (await this.#take(peer, "messages", "networkMessages"))
        : await this.#takeOne(this.#rates.accountMessages, account);
    if (isTaken) return undefined;
    return this.#refuse(peer, replies.tooManyMessages, account);
  }

  /** At RCPT. */
  async recipient({ authenticatedAs: account, ...peer }: SmtpPeer): Promise<Reply | undefined> {
    const isTaken =
      account === undefined
        ? this.#isFree(peer) || (await this.#take(peer, "recipients", "networkRecipients"))
        : await this.#takeOne(this.#rates.accountRecipients, account);
    if (isTaken) return undefined;
    return this.#refuse(peer, replies.tooManyRecipientsAnHour, account);
  }

  /** A session that was ended for what it did. It tells auth, and waits for nothing. */
  abused(peer: SmtpPeer, reason: string): void {
    if (this.#isFree(peer)) return;
    const abuse = { remoteAddress: peer.address, reason, times: limits.abusePerSession };
    void this.#options.bans.reportAbuse(abuse).catch((err: unknown) => {
      this.#options.log.warn({ err }, "Cannot tell auth of a client");
    });
  }

  #isFree({ address, isLoopback }: Pick<SmtpPeer, "address" | "isLoopback">): boolean {
    return isLoopback || address === "" || this.#unlimited.includes(address);
  }

  /** Without auth nobody is known to be banned, and mail goes on. */
  async #bannedSeconds(address: string): Promise<number> {
    try {
      return await this.#options.bans.bannedSeconds(address);
    } catch (error) {
      if (error instanceof AuthUnavailable) return 0;
      throw error;
    }
  }

  async #take(
    { address }: Pick<SmtpPeer, "address">,
    ofAddress: RateName,
    ofNetwork: RateName,
  ): Promise<boolean> {
    const rates = this.#rates;
    return (
      (await this.#takeOne(rates[ofNetwork], networkOf(address))) &&
      (await this.#takeOne(rates[ofAddress], address))
    );
  }

  async #takeOne(rate: RateLimit, key: string): Promise<boolean> {
    if (rate.take(key) > 0) return false;
    const over = rate.fullness(key) - limits.slowFrom;
    if (over > 0) {
      await (this.#options.wait ?? wait)((over / (1 - limits.slowFrom)) * limits.slowMsMax);
    }
    return true;
  }

  #refuse(
    { address, helo }: Omit<SmtpPeer, "authenticatedAs">,
    reply: Reply,
    account?: string,
  ): Reply {
    const fields = { client: address, helo, ...(account !== undefined && { account }) };
    const said = `${reply.code} ${reply.enhanced} ${reply.text}`;
    this.#options.events.record({ type: "refused", ...fields, reply: said });
    this.#options.log.info({ ...fields, reply: said }, "Refused a source");
    return reply;
  }
}

type RateName =
  | "connections"
  | "networkConnections"
  | "messages"
  | "networkMessages"
  | "recipients"
  | "networkRecipients"
  | "accountMessages"
  | "accountRecipients";

const bannedFor = (seconds: number): Reply => ({
  ...replies.banned,
  text: `${replies.banned.text}, come back in ${seconds} s`,
});
