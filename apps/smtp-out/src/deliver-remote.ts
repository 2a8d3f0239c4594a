import {
  type Delivery,
  type Destination,
  LeaseLost,
  type PendingRecipient,
} from "@posthouse/queue";
import {
  connectSmtp,
  envelopeToSmtpParameters,
  isPermanent,
  type Reply,
  type SmtpClientSession,
  SmtpConnectionError,
  type SmtpConnectOptions,
  type TlsPolicy,
} from "@posthouse/smtp";
import type { IdleSessions } from "./idle-sessions.ts";
import { limits } from "./limits.ts";
import {
  type AttemptResult,
  type Carrier,
  groupsOf,
  type RecipientResult,
  sameForAll,
} from "./recipient-result.ts";
import { findRoute, type Hop, type Route, type RouteSettings } from "./route.ts";
import type { Signer } from "./signer.ts";

export interface RemoteSettings extends RouteSettings {
  readonly port: number;
  readonly heloName: string;
  readonly sessions: IdleSessions;
  readonly signer: Signer;
  readonly timeouts?: SmtpConnectOptions["timeouts"];
  readonly now: () => number;
}

interface Connected {
  readonly session: SmtpClientSession;
  readonly host: string;
}

/**
 * Carries deliveries to the hosts of one domain over one session: found once, connected once, and when
 * no host can be reached, that is the answer for all deliveries of the claim.
 */
export class RemoteCarrier implements Carrier {
  readonly #settings: RemoteSettings;
  readonly #destination: Destination;
  #route: Route | undefined;
  #connected: Connected | undefined;
  /** Whether the session in hand was opened for mail with REQUIRETLS. */
  #isTlsRequired = false;
  #unreachable: AttemptResultWithout | undefined;
  #isAborted = false;

  constructor(settings: RemoteSettings, destination: Destination) {
    this.#settings = settings;
    this.#destination = destination;
  }

  async carry(delivery: Delivery): Promise<AttemptResult> {
    const { envelope } = delivery.entry;
    // A notification had better arrive without TLS than not at all (RFC 8689 §5).
    const requireTls = envelope.requireTls && envelope.reversePath !== "";
    if (this.#connected !== undefined && requireTls !== this.#isTlsRequired) await this.#giveBack();
    this.#isTlsRequired = requireTls;
    const results: RecipientResult[] = [];
    for (const group of groupsOf(delivery.recipients, limits.recipientsPerTransactionMax)) {
      results.push(...(await this.#send(delivery, group)));
    }
    return { results, ...this.#described() };
  }

  abort(): void {
    this.#isAborted = true;
    this.#connected?.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#giveBack();
  }

  async #send(
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[]> {
    // Each host is tried once; and a session that died while it was idle is no attempt at a host.
    const hops = await this.#hops();
    if (hops.kind === "none") return sameForAll(recipients, hops.reply).results;
    const idle = this.#connected ?? this.#takeIdle();
    if (idle !== undefined) {
      this.#connected = idle;
      const answer = await this.#transact(idle, delivery, recipients);
      if (!(answer instanceof SmtpConnectionError)) return answer;
    }
    return await this.#sendOver(hops.hops, delivery, recipients);
  }

  async #sendOver(
    hops: readonly Hop[],
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[]> {
    if (this.#unreachable !== undefined) return resultsOf(recipients, this.#unreachable);
    let last: AttemptResultWithout = { reply: nobody(this.#destination) };
    let isPermanentEverywhere = true;
    for (const hop of hops) {
      if (this.#isAborted) break;
      try {
        this.#connected = await this.#connect(hop);
      } catch (error) {
        if (!(error instanceof SmtpConnectionError)) throw error;
        last = { reply: error.toReply(), ...(error.reply && { remoteHost: hop.host }) };
        isPermanentEverywhere &&= isPermanent(last.reply);
        continue;
      }
      const answer = await this.#transact(this.#connected, delivery, recipients);
      if (!(answer instanceof SmtpConnectionError)) return answer;
      last = { reply: answer.toReply() };
      isPermanentEverywhere = false;
    }
    // "No mail service here" (554) from one host is final only when all hosts say so: RFC 5321 §3.1.
    this.#unreachable = isPermanentEverywhere ? last : transientFrom(last);
    return resultsOf(recipients, this.#unreachable);
  }

  /** An error when the session was dead before MAIL was answered, and nothing was given away. */
  async #transact(
    { session, host }: Connected,
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[] | SmtpConnectionError> {
    const { envelope, messageBytes } = delivery.entry;
    const parameters = envelopeToSmtpParameters({ ...envelope, recipients }, this.#settings.now());
    const signature = await this.#settings.signer.fieldsFor(delivery, () => delivery.octets());
    try {
      const outcome = await session.send({
        reversePath: envelope.reversePath,
        ...parameters,
        octets: after(signature, delivery.octets()),
        sizeBytes: signature.length + messageBytes,
        body: envelope.body,
        smtpUtf8: envelope.smtpUtf8,
      });
      const isDsnPassedOn = outcome.isDsnPassedOn;
      return recipients.map(({ recipient }, n) => {
        const answer = outcome.recipients[n];
        const remoteHost = answer?.phase === "local" ? undefined : host;
        return {
          recipient,
          reply: answer?.reply ?? nobody(this.#destination),
          ...(remoteHost !== undefined && { remoteHost }),
          isDsnPassedOn,
        };
      });
    } catch (error) {
      this.#connected = undefined;
      session.close();
      if (error instanceof LeaseLost || !(error instanceof SmtpConnectionError)) throw error;
      if (isNotBegun(error) && !this.#isAborted) return error;
      return partialResults(recipients, error, host);
    }
  }

  async #hops(): Promise<Route> {
    this.#route ??= await findRoute(this.#settings, this.#destination);
    return this.#route;
  }

  /** TLS when offered; when the handshake fails, once more in the clear (RFC 7435 §3), unless TLS is required. */
  async #connect(hop: Hop): Promise<Connected> {
    const mode = this.#isTlsRequired ? "required" : "opportunistic";
    try {
      return { session: await this.#open(hop, mode), host: hop.host };
    } catch (error) {
      const isRetry = error instanceof SmtpConnectionError && error.mayRetryInClear;
      if (!isRetry || this.#isAborted) throw error;
      return { session: await this.#open(hop, "off"), host: hop.host };
    }
  }

  #open({ host, address }: Hop, mode: TlsPolicy["mode"]): Promise<SmtpClientSession> {
    const { port, heloName, timeouts } = this.#settings;
    const options = host === address ? {} : { options: { servername: host } };
    return connectSmtp({
      flavour: "smtp",
      host: address,
      port,
      heloName,
      tls: { mode, ...options },
      timeouts: { connectMs: limits.connectMs, ...timeouts },
    });
  }

  #takeIdle(): Connected | undefined {
    return this.#settings.sessions.take(this.#key());
  }

  /** A session keeps what it was opened with: mail with REQUIRETLS has sessions of its own. */
  #key(): string {
    return this.#isTlsRequired ? `${this.#destination} tls` : this.#destination;
  }

  async #giveBack(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    if (connected === undefined) return;
    if (this.#isAborted) connected.session.close();
    else this.#settings.sessions.give(this.#key(), connected.session, connected.host);
  }

  #described(): { host?: string; tls?: string } {
    if (this.#connected === undefined) return {};
    const { session, host } = this.#connected;
    const { tls } = session;
    return { host, tls: tls === undefined ? "none" : `${tls.version} ${tls.cipher}` };
  }
}

async function* after(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

interface AttemptResultWithout {
  readonly reply: Reply;
  readonly remoteHost?: string;
}

/** Before the server answered MAIL nothing was given away, and the next host may be asked. */
const isNotBegun = ({ phase, recipients }: SmtpConnectionError): boolean =>
  (phase === "mail" || phase === "reset") && recipients.every((answer) => answer === undefined);

function partialResults(
  recipients: readonly PendingRecipient[],
  error: SmtpConnectionError,
  host: string,
): RecipientResult[] {
  return recipients.map(({ recipient }, n) => ({
    recipient,
    reply: error.recipients[n]?.reply ?? error.toReply(),
    remoteHost: host,
    isDsnPassedOn: false,
  }));
}

const resultsOf = (
  recipients: readonly PendingRecipient[],
  answer: AttemptResultWithout,
): RecipientResult[] =>
  recipients.map(({ recipient }) => ({ recipient, ...answer, isDsnPassedOn: false }));

const nobody = (destination: string): Reply => ({
  code: 451,
  enhanced: "4.4.1",
  text: `No mail host of ${destination} could be reached`,
});

const transientFrom = (answer: AttemptResultWithout): AttemptResultWithout =>
  isPermanent(answer.reply)
    ? { ...answer, reply: { ...answer.reply, code: 451, enhanced: "4.4.1" } }
    : answer;
