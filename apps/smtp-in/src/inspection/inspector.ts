import {
  authenticationResultsField,
  explainResults,
  explanationField,
  type MailAuthenticator,
  type MailAuthResults,
} from "@posthouse/mail-auth";
import type { AddressRanges, EventTrail } from "@posthouse/service";
import type { Envelope, MessageSpool, Reply } from "@posthouse/smtp";
import { limits } from "../limits.ts";
import { type Decision, hardest } from "./decision.ts";
import { decideByDmarc } from "./dmarc-decision.ts";
import { FirstSeen } from "./first-seen.ts";
import { withoutForgedFields } from "./forged-fields.ts";

export interface InspectorOptions {
  readonly hostname: string;
  /** Absent: nothing is authenticated. */
  readonly authenticator: MailAuthenticator | undefined;
  /** False: results are written, and nothing follows from them. */
  readonly isDmarcEnforced: boolean;
  readonly deferMsMax: number;
  /** Clients whose mail is not inspected. */
  readonly exempt: AddressRanges;
  readonly events: EventTrail;
}

/** A message that may come in: what stands before it from now on, and what is known of it. */
export interface Inspected {
  /** Header fields with their line ends. */
  readonly fields: string;
  readonly verdicts: Envelope["verdicts"];
}

/** Looks at a message from outside at its end of data, before anybody has it. */
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
    const { hostname, exempt, authenticator } = this.#options;
    const { address, helo } = envelope.client;
    if (exempt.includes(address) || authenticator === undefined) {
      spool.replaceHead(withoutForgedFields(spool.head, hostname));
      return nothing;
    }
    const { reversePath } = envelope;
    const origin = { clientAddress: address, helo, reversePath };
    const results = await authenticator.authenticate(origin, spool.octets());
    const sentences = explainResults(results);
    const decision = this.#decide(results, () =>
      this.#putOff.ageMs([
        reversePath,
        messageIdField ?? spool.head.toString("latin1"),
        ...envelope.recipients.map((recipient) => recipient.address),
      ]),
    );
    this.#record(envelope, results, sentences, decision);
    if (decision.action === "refuse" || decision.action === "defer") return decision.reply;
    // Not before: signatures may cover them.
    spool.replaceHead(withoutForgedFields(spool.head, hostname));
    return {
      fields: authenticationResultsField(hostname, results) + explanationField(sentences),
      verdicts: verdictsOf(results, decision),
    };
  }

  #decide(results: MailAuthResults, ageMs: () => number | undefined): Decision {
    const { isDmarcEnforced, deferMsMax } = this.#options;
    return hardest(isDmarcEnforced ? [decideByDmarc(results, { ageMs, deferMsMax })] : []);
  }

  #record(
    { messageId }: Envelope,
    results: MailAuthResults,
    sentences: readonly string[],
    decision: Decision,
  ): void {
    this.#options.events.record({
      type: "checked",
      messageId,
      dmarc: results.dmarc.result,
      because: sentences,
      decision: decision.action,
    });
  }
}

const nothing: Inspected = { fields: "", verdicts: {} };

/** RFC 8601 §2.7 has one word a method; of several signatures the best counts. */
function verdictsOf(
  { spf, dkim, dmarc, arc, iprev }: MailAuthResults,
  decision: Decision,
): Envelope["verdicts"] {
  const results = dkim.map(({ result }) => result);
  return {
    spf: spf.result,
    dkim: results.find((result) => result === "pass") ?? results[0] ?? "none",
    dmarc: dmarc.result,
    arc: arc.result,
    iprev: iprev.result,
    ...("reason" in decision && { "file-into": decision.action, "file-reason": decision.reason }),
  };
}
