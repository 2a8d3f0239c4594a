import { isIP, isIPv6 } from "node:net";
import type { MtaStsPolicy } from "@posthouse/mail-auth/mta-sts";
import {
  type Delivery,
  type Destination,
  type HostTry,
  LeaseLost,
  type PendingRecipient,
} from "@posthouse/queue";
import { isPublicAddress } from "@posthouse/service";
import {
  connectSmtp,
  envelopeToSmtpParameters,
  isPermanent,
  knownAnswer,
  type Reply,
  type SmtpClientSession,
  SmtpConnectionError,
  type SmtpConnectOptions,
  type TlsPolicy,
} from "@posthouse/smtp";
import { handOver } from "./gateway/gateway.ts";
import type { IdleSessions } from "./idle-sessions.ts";
import { limits } from "./limits.ts";
import {
  type AttemptResult,
  type Carrier,
  groupsOf,
  type RecipientResult,
  sameForAll,
} from "./recipient-result.ts";
import { findRoute, type Hop, inTurns, type Route, type RouteSettings } from "./route.ts";
import type { MailRoute, Routes } from "./routes.ts";
import { type HopSecurity, securityOf, tlsPolicyOf } from "./security/hop-security.ts";
import type { MtaSts } from "./security/mta-sts.ts";
import type { TlsReports } from "./security/tls-reports.ts";
import type { Signer } from "./signer.ts";
import { type SourceAddresses, sourceFor } from "./source-addresses.ts";

export interface RemoteSettings extends RouteSettings {
  readonly port: number;
  readonly heloName: string;
  readonly sessions: IdleSessions;
  readonly signer: Signer;
  readonly routes: Routes;
  readonly sources: Pick<SourceAddresses, "fitFor">;
  readonly mtaSts: Pick<MtaSts, "policyOf">;
  readonly reports: TlsReports;
  /** Authorities to believe, in place of those that Node brings. */
  readonly ca?: string;
  /** Hosts on loopback and private addresses may be meant. */
  readonly arePrivateAddressesAllowed: boolean;
  readonly timeouts?: SmtpConnectOptions["timeouts"];
  readonly now: () => number;
}

interface Connected {
  readonly session: SmtpClientSession;
  readonly host: string;
}

/** What one message is sent by: the route of its sender, and whether it has to travel under TLS. */
interface Way {
  readonly route: MailRoute;
  readonly isTlsRequired: boolean;
  /** A report about TLS failures has to arrive whatever fails (RFC 8460 §3). */
  readonly isTlsOptional: boolean;
  /** Sessions of this way can carry any message of this way. */
  readonly key: string;
}

/** What was found out about a way, once for all deliveries of the claim. */
interface Found {
  readonly hops: Route;
  readonly sts: MtaStsPolicy | undefined;
  unreachable?: AttemptResultWithout;
}

/**
 * Carries deliveries to the hosts of one domain over one session: found once, connected once, and when
 * no host can be reached, that is the answer for all deliveries of the claim that go the same way.
 */
export class RemoteCarrier implements Carrier {
  readonly #settings: RemoteSettings;
  readonly #destination: Destination;
  readonly #found = new Map<string, Promise<Found>>();
  #connected: Connected | undefined;
  /** The hosts that the message under way was given to, or was not. */
  #tries: HostTry[] = [];
  /** What has to be over before that message may end. */
  #previous: Promise<void> = Promise.resolve();
  /** The key of the session in hand. */
  #connectedKey = "";
  #isHandingOver = false;
  readonly #aborted = new AbortController();

  constructor(settings: RemoteSettings, destination: Destination) {
    this.#settings = settings;
    this.#destination = destination;
  }

  /** A program or a file is no host to wait for. */
  get isConnected(): boolean {
    return this.#connected !== undefined || this.#isHandingOver;
  }

  async carry(
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
    previous: Promise<void>,
  ): Promise<AttemptResult> {
    const way = this.#wayOf(delivery);
    this.#previous = previous;
    if (this.#connected !== undefined && way.key !== this.#connectedKey) await this.#giveBack();
    this.#connectedKey = way.key;
    this.#tries = [];
    this.#isHandingOver = way.route.gateway !== undefined;
    if (way.route.gateway !== undefined) {
      await previous;
      const signature = await this.#signatureOf(delivery);
      const { heloName } = this.#settings;
      const { signal } = this.#aborted;
      return await handOver(
        way.route.gateway,
        { delivery, recipients },
        { heloName, signature, signal },
      );
    }
    const results: RecipientResult[] = [];
    for (const group of groupsOf(recipients, limits.recipientsPerTransactionMax)) {
      results.push(...(await this.#send(way, delivery, group)));
    }
    const state = stateOf(await this.#findOnce(way), results);
    return {
      results,
      tries: this.#tries,
      ...this.#described(),
      // A relay is shared by destinations, and that it is down says nothing about one of them.
      ...((way.route.relay === undefined || state !== "down") && { destination: state }),
    };
  }

  /**
   * A domain with an MTA-STS policy or with hosts that DNSSEC vouches for may ask for what another does not, and
   * goes alone; so does one with a rate of its own.
   */
  async sharedKey(
    { entry: { envelope } }: Delivery,
    destination: Destination,
  ): Promise<string | undefined> {
    const { routes, mtaSts } = this.#settings;
    const route = routes.for(envelope, destination);
    if (route.gateway !== undefined) return undefined;
    if (routes.limitsOf(destination).messagesPerMinuteMax !== undefined) return undefined;
    if (route.relay !== undefined) return route.name;
    if (destination.startsWith("[")) return undefined;
    const found = await findRoute(this.#settings, destination);
    if (found.kind === "none" || found.hosts === undefined) return undefined;
    if ((await mtaSts.policyOf(destination)) !== undefined) return undefined;
    return `${route.name} ${found.hosts}`;
  }

  abort(): void {
    this.#aborted.abort();
    this.#connected?.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#giveBack();
  }

  #wayOf({ entry: { envelope } }: Delivery): Way {
    const route = this.#settings.routes.for(envelope, this.#destination);
    // A notification had better arrive without TLS than not at all (RFC 8689 §5).
    const isTlsRequired = envelope.requireTls && envelope.reversePath !== "";
    const isTlsOptional = envelope.isTlsOptional === true;
    // Everything for one relay shares its sessions, whatever the domain.
    const place = route.relay === undefined ? `${this.#destination} ${route.name}` : route.name;
    const key = `${place}${isTlsRequired ? " tls" : ""}${isTlsOptional ? " any" : ""}`;
    return { route, isTlsRequired, isTlsOptional, key };
  }

  async #send(
    way: Way,
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[]> {
    // Each host is tried once; and a session that died while it was idle is no attempt at a host.
    const found = await this.#findOnce(way);
    if (found.hops.kind === "none") return sameForAll(recipients, found.hops.reply).results;
    const answers = await this.#sendOnce(way, found, delivery, recipients);
    const address = this.#connected?.session.remoteAddress;
    if (address === undefined || !answers.every(isAboutOurAddress)) return answers;
    const others = found.hops.hops.filter((hop) => isIPv6(hop.address) !== isIPv6(address));
    if (others.length === 0) return answers;
    // Our other address may have what this one lacks; the same host is asked once more, from there.
    await this.#connected?.session.quit();
    this.#connected = undefined;
    const hops = { kind: "hops", hops: others } as const;
    const again = await this.#sendOver(way, { hops, sts: found.sts }, delivery, recipients);
    return this.#connected === undefined ? answers : again;
  }

  async #sendOnce(
    way: Way,
    found: Found,
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[]> {
    const idle = this.#connected ?? this.#settings.sessions.take(way.key);
    if (idle !== undefined) {
      this.#connected = idle;
      const answer = await this.#transact(idle, delivery, recipients);
      if (!(answer instanceof SmtpConnectionError)) return answer;
    }
    return await this.#sendOver(way, found, delivery, recipients);
  }

  async #sendOver(
    way: Way,
    found: Found,
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[]> {
    if (found.unreachable !== undefined) return resultsOf(recipients, found.unreachable);
    const hops = found.hops.kind === "hops" ? found.hops.hops : [];
    let last: AttemptResultWithout = { reply: nobody(this.#destination) };
    let isPermanentEverywhere = true;
    for (const hop of hops) {
      if (this.#isAborted) break;
      try {
        this.#connected = await this.#connect(way, found, hop);
      } catch (error) {
        if (!(error instanceof SmtpConnectionError)) throw error;
        this.#tries.push(failedTry(hop, error));
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
    found.unreachable = isPermanentEverywhere ? last : transientFrom(last);
    return resultsOf(recipients, found.unreachable);
  }

  /** An error when the session was dead before MAIL was answered, and nothing was given away. */
  async #transact(
    { session, host }: Connected,
    delivery: Delivery,
    recipients: readonly PendingRecipient[],
  ): Promise<readonly RecipientResult[] | SmtpConnectionError> {
    const { envelope, messageBytes } = delivery.entry;
    const parameters = envelopeToSmtpParameters({ ...envelope, recipients }, this.#settings.now());
    const address = session.remoteAddress;
    const signature = await this.#signatureOf(delivery);
    try {
      const outcome = await session.send({
        reversePath: envelope.reversePath,
        ...parameters,
        octets: after(signature, delivery.octets(this.#previous)),
        sizeBytes: signature.length + messageBytes,
        body: envelope.body,
        smtpUtf8: envelope.smtpUtf8,
      });
      this.#tries.push(tryOf(host, address, session));
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
      this.#tries.push({ ...tryOf(host, address, session), problem: error.message });
      if (isNotBegun(error) && !this.#isAborted) return error;
      return partialResults(recipients, error, host);
    }
  }

  #signatureOf(delivery: Delivery): Promise<Buffer> {
    return this.#settings.signer.fieldsFor(delivery, () => delivery.octets());
  }

  get #isAborted(): boolean {
    return this.#aborted.signal.aborted;
  }

  #findOnce(way: Way): Promise<Found> {
    const known = this.#found.get(way.key);
    if (known !== undefined) return known;
    const finding = this.#find(way);
    this.#found.set(way.key, finding);
    return finding;
  }

  async #find({ route, isTlsOptional }: Way): Promise<Found> {
    if (route.relay !== undefined) {
      return { hops: await this.#relayHops(route.relay.host), sts: undefined };
    }
    const hops = await findRoute(this.#settings, this.#destination);
    if (hops.kind === "none") return { hops, sts: undefined };
    const isDomain = !this.#destination.startsWith("[");
    const sts =
      isDomain && !isTlsOptional
        ? await this.#settings.mtaSts.policyOf(this.#destination)
        : undefined;
    const reachable = this.#publicHops(hops.hops);
    if (reachable.kind === "none") return { hops: reachable, sts };
    const fit = await this.#settings.sources.fitFor(reachable.hops, route.sourceAddresses);
    return { hops: { kind: "hops", hops: fit }, sts };
  }

  /** An MX that points into our own network is a trap or a mistake; its owner may yet mend it. */
  #publicHops(hops: readonly Hop[]): Route {
    if (this.#settings.arePrivateAddressesAllowed) return { kind: "hops", hops };
    const usable = hops.filter(({ address }) => isPublicAddress(address));
    if (usable.length > 0) return { kind: "hops", hops: usable };
    const text = `The mail hosts of ${this.#destination} have only private addresses: ${hops.map(({ address }) => address).join(", ")}`;
    return { kind: "none", reply: { code: 451, enhanced: "4.4.4", text } };
  }

  async #relayHops(host: string): Promise<Route> {
    if (host.startsWith("/") || isIP(host) !== 0) {
      return { kind: "hops", hops: [{ host, address: host }] };
    }
    const answer = await this.#settings.dns.addresses(host);
    if (answer.kind !== "found") {
      const why = answer.kind === "unavailable" ? answer.reason : "it has no address";
      // The administrator named it, and it is for him to mend: the mail waits.
      const text = `The relay ${host} cannot be found: ${why}`;
      return { kind: "none", reply: { code: 451, enhanced: "4.4.3", text } };
    }
    const { isAuthenticated: isVouchedFor, canonicalName } = answer;
    const hops = inTurns(answer.records).map((address) => ({
      host,
      address,
      isVouchedFor,
      canonicalName,
    }));
    return { kind: "hops", hops: hops.slice(0, limits.addressesPerAttemptMax) };
  }

  /** TLS as the way and the host ask; when it was only an opportunity, once more in the clear (RFC 7435 §3). */
  async #connect(way: Way, found: Found, hop: Hop): Promise<Connected> {
    const security = await this.#securityOf(way, found, hop);
    if (security.kind === "refused") {
      const error = new SmtpConnectionError("tls", `${hop.host} gets no mail: ${security.reason}`);
      this.#report(way, found, hop, security, error);
      throw error;
    }
    const relay = way.route.relay;
    const tls = tlsOf(relay, tlsPolicyOf(security, hop, this.#settings.ca));
    try {
      const session = await this.#open(way, hop, tls);
      this.#report(way, found, hop, security, session);
      return { session, host: hop.host };
    } catch (error) {
      if (!(error instanceof SmtpConnectionError)) throw error;
      this.#report(way, found, hop, security, error);
      if (!error.mayRetryInClear || this.#isAborted) throw error;
      this.#tries.push(failedTry(hop, error));
      return { session: await this.#open(way, hop, { mode: "off" }), host: hop.host };
    }
  }

  async #securityOf(way: Way, { sts }: Found, hop: Hop): Promise<HopSecurity> {
    const { route, isTlsRequired, isTlsOptional } = way;
    if (isTlsOptional || route.relay?.socketPath !== undefined) return { kind: "opportunistic" };
    const domain = route.relay?.host ?? this.#destination;
    const wish = { domain, minimum: route.tls, sts, isTlsRequired };
    return await securityOf(this.#settings.dns, wish, hop);
  }

  /** With a login, when the route has one. */
  async #open({ route }: Way, hop: Hop, tls: TlsPolicy): Promise<SmtpClientSession> {
    const { port, heloName, timeouts } = this.#settings;
    const { relay } = route;
    const localAddress = sourceFor(route.sourceAddresses, hop.address);
    const session = await connectSmtp({
      flavour: relay?.flavour ?? "smtp",
      ...(relay?.socketPath === undefined
        ? { host: hop.address, port: relay?.port ?? port }
        : { socketPath: relay.socketPath }),
      ...(localAddress !== undefined && { localAddress }),
      heloName,
      tls,
      timeouts: { connectMs: limits.connectMs, ...timeouts },
    });
    if (relay?.credentials !== undefined) await login(session, relay.credentials, hop.host);
    return session;
  }

  #report(
    { route, isTlsOptional }: Way,
    { sts }: Found,
    hop: Hop,
    security: HopSecurity,
    outcome: SmtpClientSession | SmtpConnectionError,
  ): void {
    if (route.relay !== undefined || isTlsOptional || this.#destination.startsWith("[")) return;
    this.#settings.reports.count({ domain: this.#destination, sts, hop, security, outcome });
  }

  async #giveBack(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    if (connected === undefined) return;
    if (this.#isAborted) connected.session.close();
    else this.#settings.sessions.give(this.#connectedKey, connected.session, connected.host);
  }

  #described(): { host?: string; tls?: string } {
    if (this.#connected === undefined) return {};
    const { session, host } = this.#connected;
    return { host, tls: tlsInWords(session) };
  }
}

const tlsInWords = ({ tls }: SmtpClientSession): string =>
  tls === undefined ? "none" : `${tls.version} ${tls.cipher}`;

const tryOf = (host: string, address: string, session: SmtpClientSession): HostTry => ({
  host,
  ...(address !== "" && { address }),
  tls: tlsInWords(session),
  dialogue: session.dialogue,
});

const failedTry = ({ host, address }: Hop, error: SmtpConnectionError): HostTry => ({
  host,
  address,
  problem: error.message,
  dialogue: error.dialogue,
});

/** A refusal for good of the address that we came from: of its name, or of its family. */
const isAboutOurAddress = ({ reply }: RecipientResult): boolean =>
  isPermanent(reply) && (knownAnswer(reply)?.id === "no-ptr" || /\bIPv6\b/iu.test(reply.text));

function stateOf(
  { hops, unreachable }: Found,
  results: readonly RecipientResult[],
): AttemptResult["destination"] {
  if (results.some(({ reply }) => isSlowDown(reply))) return "slow-down";
  return unreachable !== undefined && hops.kind === "hops" ? "down" : "up";
}

/** RFC 5321 §3.8: 421 ends the session; and what says that there was too much of it. */
const isSlowDown = (reply: Reply): boolean =>
  reply.code === 421 || (reply.code < 500 && knownAnswer(reply)?.id === "rate-limit");

function tlsOf(relay: MailRoute["relay"], policy: TlsPolicy): TlsPolicy {
  if (relay?.socketPath !== undefined) return { mode: "off" };
  if (relay?.isImplicitTls !== true) return policy;
  // Without STARTTLS there is no way back into the clear, and a certificate is checked if it is to be.
  const isChecked = policy.mode === "required";
  return {
    ...policy,
    mode: "implicit",
    options: { ...policy.options, ...(!isChecked && { rejectUnauthorized: false }) },
  };
}

/** Whatever the relay says to the login, the mail waits: it is the administrator's password that is wrong. */
async function login(
  session: SmtpClientSession,
  credentials: NonNullable<NonNullable<MailRoute["relay"]>["credentials"]>,
  host: string,
): Promise<void> {
  const reply = await session.auth(credentials);
  if (reply.code === 235) return;
  const said = `${reply.code} ${reply.text}`;
  const error = new SmtpConnectionError("auth", `${host} refused the login of the route: ${said}`);
  error.dialogue = session.dialogue;
  await session.quit();
  throw error;
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
