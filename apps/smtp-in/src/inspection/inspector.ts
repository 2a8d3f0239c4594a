import {
  authenticationResultsField,
  explainResults,
  explanationField,
  type MailAuthenticator,
  type MailAuthResults,
  type SpfVerdict,
} from "@posthouse/mail-auth";
import type { AddressRanges, EventTrail } from "@posthouse/service";
import type { Envelope, MessageSpool, Reply } from "@posthouse/smtp";
import type { Greylist } from "../greylist/greylist.ts";
import { limits } from "../limits.ts";
import { type AuthorFacts, authorFacts, believed, unproven } from "./author-facts.ts";
import { decideByClient, type ScoreRules } from "./client-score.ts";
import { type Decision, hardest, take } from "./decision.ts";
import { decideByDmarc } from "./dmarc-decision.ts";
import type { DnsLists } from "./dns-lists.ts";
import type { Filtered, FilterStages } from "./filter-stage.ts";
import { FirstSeen } from "./first-seen.ts";
import { withoutForgedFields } from "./forged-fields.ts";
import { decideByGreylist, type Greylisted } from "./greylist-decision.ts";

export interface InspectorOptions {
  readonly hostname: string;
  /** Absent: nothing is authenticated. */
  readonly authenticator: MailAuthenticator | undefined;
  /** False: results are written, and nothing follows from them. */
  readonly isDmarcEnforced: boolean;
  readonly deferMsMax: number;
  readonly filters: FilterStages;
  readonly lists: DnsLists;
  readonly scores: ScoreRules;
  /** Absent: nothing is put off for being new. */
  readonly greylist: Greylist | undefined;
  /** Clients whose mail is not inspected. */
  readonly exempt: AddressRanges;
  readonly events: EventTrail;
}

/** A message that may come in: what stands before it from now on, and what is known of it. */
export interface Inspected {
  /** Header fields with their line ends. */
  readonly fields: string;
  readonly verdicts: Envelope["verdicts"];
  readonly author: AuthorFacts;
}

interface Message {
  readonly envelope: Envelope;
  readonly spool: MessageSpool;
  readonly messageIdField: string | undefined;
}

/**
 * Looks at a message from outside at its end of data, before anybody has it: first who stands behind it
 * and what is against its client, then, unless that refuses it, what the filters say, who are shown the results.
 */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #putOff: FirstSeen;

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#putOff = new FirstSeen({
      entriesMax: limits.putOffMax,
      keepMs: options.deferMsMax + limits.putOffKeepMs,
    });
  }

  /** What the message is given along, or the reply that refuses it. Removes forged fields from the spool. */
  async inspect(
    envelope: Envelope,
    spool: MessageSpool,
    messageIdField: string | undefined,
  ): Promise<Inspected | Reply> {
    const { hostname, exempt } = this.#options;
    const message = { envelope, spool, messageIdField };
    const isExempt = exempt.includes(envelope.client.address);
    const [results, listings] = isExempt
      ? [undefined, []]
      : await Promise.all([
          this.#authenticate(message),
          this.#options.lists.find(envelope.client.address),
        ]);
    // Not before: signatures may cover what is removed.
    spool.replaceHead(withoutForgedFields(spool.head, hostname));
    if (isExempt) return { fields: "", verdicts: {}, author: believed };

    const sentences = results === undefined ? [] : explainResults(results);
    const ours =
      results === undefined
        ? ""
        : authenticationResultsField(hostname, results) + explanationField(sentences);
    const byDmarc = results === undefined ? hardest([]) : this.#decideByDmarc(results, message);
    const byClient = decideByClient(envelope.client, {
      iprev: results?.iprev,
      listings,
      rules: this.#options.scores,
    });
    const greylisted = isFinal(hardest([byClient, byDmarc]))
      ? ungreylisted
      : this.#greylist(message, { spf: results?.spf, points: byClient.points });
    const before = hardest([byClient, byDmarc, greylisted.decision]);
    const filtered = isFinal(before) ? unfiltered : await this.#filter(message, ours, results);
    const decision = hardest([before, ...filtered.decisions]);
    this.#options.events.record({
      type: "checked",
      messageId: envelope.messageId,
      because: [
        ...byClient.reasons.map((reason) => `Client: ${reason}`),
        ...sentences,
        ...greylisted.sentences,
        ...filtered.sentences,
      ],
      decision: decision.action,
    });
    if (decision.action === "refuse" || decision.action === "defer") return decision.reply;
    // Junk comes again as well; it earns nothing by it.
    if (decision.action === "take") greylisted.letIn();
    return {
      fields: ours + filtered.fields,
      verdicts: verdictsOf(results, decision),
      author: results === undefined ? unproven : authorFacts(results),
    };
  }

  async #authenticate({ envelope, spool }: Message): Promise<MailAuthResults | undefined> {
    const { client, reversePath } = envelope;
    const origin = { clientAddress: client.address, helo: client.helo, reversePath };
    return await this.#options.authenticator?.authenticate(origin, spool.octets());
  }

  #decideByDmarc(results: MailAuthResults, { envelope, spool, messageIdField }: Message): Decision {
    const { isDmarcEnforced, deferMsMax } = this.#options;
    if (!isDmarcEnforced) return hardest([]);
    const ageMs = () =>
      this.#putOff.ageMs([
        envelope.reversePath,
        messageIdField ?? spool.head.toString("latin1"),
        ...envelope.recipients.map(({ address }) => address),
      ]);
    return decideByDmarc(results, { ageMs, deferMsMax });
  }

  /** A list of good hosts is believed. */
  #greylist(
    { envelope }: Message,
    { spf, points }: { readonly spf: SpfVerdict | undefined; readonly points: number },
  ): Greylisted {
    const { greylist } = this.#options;
    if (greylist === undefined || points < 0) return ungreylisted;
    return decideByGreylist(greylist, envelope, spf);
  }

  async #filter(
    { envelope, spool }: Message,
    before: string,
    results: MailAuthResults | undefined,
  ): Promise<Filtered> {
    const { messageId, client, reversePath, recipients } = envelope;
    return await this.#options.filters.run({
      messageId,
      hostname: this.#options.hostname,
      clientAddress: client.address,
      clientName: results?.iprev.name,
      helo: client.helo,
      reversePath,
      recipients: recipients.map(({ address }) => address),
      tls: client.tls,
      octets: () => spool.octets(Buffer.from(before)),
    });
  }
}

const isFinal = ({ action }: Decision): boolean => action === "refuse" || action === "defer";

const ungreylisted: Greylisted = { decision: take, sentences: [], letIn: () => undefined };

const unfiltered: Filtered = { decisions: [], sentences: [], fields: "" };

/** RFC 8601 §2.7 has one word a method; of several signatures the best counts. */
function verdictsOf(
  results: MailAuthResults | undefined,
  decision: Decision,
): Envelope["verdicts"] {
  return {
    ...(results !== undefined && wordsOf(results)),
    ...("reason" in decision && { "file-into": decision.action, "file-reason": decision.reason }),
  };
}

function wordsOf({ spf, dkim, dmarc, arc, iprev }: MailAuthResults): Envelope["verdicts"] {
  const signatures = dkim.map(({ result }) => result);
  return {
    spf: spf.result,
    dkim: signatures.find((result) => result === "pass") ?? signatures[0] ?? "none",
    dmarc: dmarc.result,
    arc: arc.result,
    iprev: iprev.result,
  };
}
