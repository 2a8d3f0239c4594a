import {
  clamdFilter,
  type Filter,
  type FilteredMail,
  type FilterResult,
  type FilterStage,
  type FilterVerdict,
  milterFilter,
  parseEndpoint,
  rspamdFilter,
  runFilters,
} from "@posthouse/filters";
import { type Config, ConfigError, type Logger, type Metrics } from "@posthouse/service";
import type { Decision } from "./decision.ts";

/** What all filters together say of a message. */
export interface Filtered {
  readonly decisions: readonly Decision[];
  /** One for each filter. */
  readonly sentences: readonly string[];
  /** Header fields with their line ends. */
  readonly fields: string;
}

/** The filters of the configuration, as one stage. */
export class FilterStages {
  readonly #stages: readonly FilterStage[];
  readonly #log: Logger;
  readonly #count: (filter: string, action: string) => void;

  constructor(
    filters: Config["inspection"]["filters"],
    { log, metrics }: { readonly log: Logger; readonly metrics: Metrics },
  ) {
    this.#stages = filters.map((filter) => ({
      filter: makeFilter(filter),
      timeoutMs: filter.timeoutSeconds * 1000,
      onFailure: filter.onFailure,
    }));
    this.#log = log;
    const verdicts = metrics.counter(
      "smtp_in_filter_verdicts_total",
      "Verdicts of filters; failed means that its policy counted instead",
      ["filter", "verdict"],
    );
    this.#count = (filter, verdict) => verdicts.inc({ filter, verdict });
  }

  async run(mail: FilteredMail): Promise<Filtered> {
    const results = await runFilters(this.#stages, mail);
    for (const result of results) this.#note(result, mail.messageId);
    const sentences = results.map(sentenceOf);
    return {
      decisions: results.map(({ filter, verdict }) => decisionOf(filter, verdict)),
      sentences,
      fields: [
        ...sentences.map((sentence) => `X-Posthouse-Filter: ${sentence}\r\n`),
        ...results.flatMap(({ verdict }) =>
          "fields" in verdict
            ? verdict.fields.map(({ name, value }) => `${name}: ${value}\r\n`)
            : [],
        ),
      ].join(""),
    };
  }

  #note({ filter, verdict, failure }: FilterResult, messageId: string): void {
    this.#count(filter, failure === undefined ? verdict.action : "failed");
    if (failure === undefined) return;
    this.#log.warn(
      { err: failure, filter, messageId, instead: verdict.action },
      "A filter did not do its work; its on_failure counts",
    );
  }
}

function makeFilter({
  name,
  kind,
  at,
  whenFound,
}: Config["inspection"]["filters"][number]): Filter {
  const endpoint = parseEndpoint(at);
  if (endpoint === undefined) throw new ConfigError(`The filter "${name}" cannot be at "${at}"`);
  return filterOf[kind]({
    name,
    endpoint,
    whenFound: whenFound === "rejects" ? "quarantine" : whenFound,
  });
}

const filterOf = { milter: milterFilter, rspamd: rspamdFilter, clamd: clamdFilter } as const;

const sentenceOf = ({ filter, verdict }: FilterResult): string => `${filter}: ${verdict.reason}`;

function decisionOf(filter: string, verdict: FilterVerdict): Decision {
  const reason = `${filter} ${verdict.reason}`;
  switch (verdict.action) {
    case "accept":
      return { action: "take" };
    case "junk":
      return { action: "junk", reason };
    case "quarantine":
      return { action: "rejects", reason };
    case "tempfail":
      return { action: "defer", reply: verdict.reply };
    case "reject":
      return { action: "refuse", reply: verdict.reply };
  }
}
