import type { Reply } from "@posthouse/smtp";
import type { Filter, FilteredMail, FilterVerdict } from "./filter.ts";

/** A filter, how long it may take, and what counts when it says nothing. */
export interface FilterStage {
  readonly filter: Filter;
  readonly timeoutMs: number;
  readonly onFailure: "accept" | "junk" | "defer";
}

export interface FilterResult {
  readonly filter: string;
  readonly verdict: FilterVerdict;
  /** Why there is no verdict of the filter's own. */
  readonly failure?: Error;
}

/** Asks all filters at the same time. Never rejects: a filter that fails has the verdict of its policy. */
export async function runFilters(
  stages: readonly FilterStage[],
  mail: FilteredMail,
): Promise<readonly FilterResult[]> {
  return await Promise.all(stages.map((stage) => runOne(stage, mail)));
}

async function runOne(stage: FilterStage, mail: FilteredMail): Promise<FilterResult> {
  const { filter, timeoutMs } = stage;
  const limit = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`${filter.name} did not answer within ${timeoutMs} ms`));
    limit.abort();
  }, timeoutMs);
  try {
    const check = filter.check(mail, limit.signal);
    // When the time is over first, what becomes of it is not asked any more.
    check.catch(() => undefined);
    return { filter: filter.name, verdict: await Promise.race([check, late.promise]) };
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    return { filter: filter.name, verdict: verdictOfPolicy(stage), failure };
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

function verdictOfPolicy({ filter, onFailure }: FilterStage): FilterVerdict {
  const reason = "did not answer";
  if (onFailure !== "defer") return { action: onFailure, reason, fields: [] };
  return { action: "tempfail", reason, reply: cannotCheck(filter.name) };
}

const cannotCheck = (name: string): Reply => ({
  code: 451,
  enhanced: "4.3.0",
  text: `Cannot have the message checked by ${name} now, try again later`,
});
