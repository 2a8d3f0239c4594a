import { type Correlator, type EsearchData, writeEsearch } from "../answers/esearch.ts";
import type { Session } from "../command.ts";
import { indexOf } from "../mailbox-view.ts";
import type { Stop } from "../message-limit.ts";
import { bad } from "../response.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { asksRelevancy, type SortCriterion, sortMessages } from "../sort/sort-messages.ts";
import { boundsOf, type ResultOptions } from "../syntax/result-options.ts";
import type { SearchKey } from "../syntax/search-keys.ts";
import { MessageSearch } from "./message-search.ts";
import { numbersOf } from "./numbers-of.ts";
import { relevancyOf } from "./relevancy.ts";
import { forgetSaved, resolveSearch } from "./resolve-keys.ts";

/** What a searching command was asked for (RFC 5267 §4.1: SEARCH, SORT, their UID forms, and ESEARCH). */
export interface SearchRequest {
  readonly key: SearchKey;
  /** Mailbox order, when absent. */
  readonly order?: readonly SortCriterion[];
  readonly isUid: boolean;
  /** Messages that are looked at, at most: those with the highest UIDs (RFC 9738 §3.1). */
  readonly limit?: number;
}

/** What was found, in the order that was asked for. */
export interface SearchResult {
  readonly uids: Uint32Array;
  /** The search as it can be repeated. */
  readonly key: SearchKey;
  readonly isFuzzy: boolean;
  readonly tellsModSeq: boolean;
  /** Not all that it asked for was looked at. */
  readonly stop?: Stop;
}

/** Finds, and puts in order. */
export async function search(
  selected: SelectedMailbox,
  { key: asked, order, limit = Number.POSITIVE_INFINITY }: SearchRequest,
  session: Session,
): Promise<SearchResult> {
  const { state, services, output } = session;
  if (state.name !== "authenticated" && state.name !== "selected") throw bad("Log in first");
  const { mail } = state.user;
  const place = { selected, mail, filters: services.savedFilters, output };
  const { key: resolved, isFuzzy, tellsModSeq } = await resolveSearch(asked, place);
  // RFC 7162 §3.1: whoever asks for modseqs wants to hear of them.
  if (tellsModSeq) session.enable("CONDSTORE");
  if (order !== undefined && asksRelevancy(order) && !isFuzzy) throw bad("RELEVANCY needs FUZZY");
  const messages = new MessageSearch(selected, output);
  const stop =
    selected.view.columns.length > limit ? await messages.stopOf(resolved, limit) : undefined;
  const key = stop === undefined ? resolved : from(stop.lowestUid, resolved);
  const found = await messages.find(key);
  const uids = order === undefined ? found : await sortMessages(selected, found, order, output);
  return { uids, key, isFuzzy, tellsModSeq, ...(stop !== undefined && { stop }) };
}

/** Also what is kept of it (RFC 5267 §4.3) leaves out what was not looked at. */
const from = (lowestUid: number, key: SearchKey): SearchKey => ({
  kind: "and",
  keys: [{ kind: "uid-after", uid: lowestUid - 1 }, key],
});

/** Of a list, that are written at once: some 1.5 KiB. */
const numbersPerWrite = 256;

/** `* SEARCH 2 84 882 (MODSEQ 917162500)`, or SORT: the answer to a command without RETURN. */
export async function writeNumberList(
  name: "SEARCH" | "SORT",
  selected: SelectedMailbox,
  { uids, tellsModSeq }: SearchResult,
  { isUid, session }: { readonly isUid: boolean; readonly session: Session },
): Promise<void> {
  const { output } = session;
  const numbers = await numbersOf(uids, isUid, selected.view, output);
  output.write(`* ${name}`);
  for (let at = 0; at < numbers.length; at += numbersPerWrite) {
    let text = "";
    for (const number of numbers.subarray(at, at + numbersPerWrite)) text += ` ${number}`;
    output.write(text);
    await output.pace();
  }
  // RFC 7162 §3.1.5: not for an empty result.
  if (tellsModSeq && numbers.length > 0) {
    output.write(` (MODSEQ ${highestModSeq(selected, uids)})`);
  }
  output.write("\r\n");
}

/** The ESEARCH response that RETURN asks for; none when it only saves (RFC 5182 §1). */
export async function writeResult(
  selected: SelectedMailbox,
  result: SearchResult,
  options: ResultOptions,
  about: {
    readonly correlator: Correlator;
    readonly isUid: boolean;
    readonly session: Session;
  },
): Promise<void> {
  const { items, partial } = options;
  if (items.has("RELEVANCY") && !result.isFuzzy) throw bad("RELEVANCY needs FUZZY");
  const isOnlySaved = options.saves && items.size === 0 && partial === undefined;
  if (isOnlySaved) return;
  const { output } = about.session;
  const numbers = await numbersOf(result.uids, about.isUid, selected.view, output);
  const bounds = partial && boundsOf(partial, numbers.length);
  const shown = bounds === undefined ? result.uids : result.uids.subarray(bounds.start, bounds.end);
  const tellsModSeq = result.tellsModSeq && numbers.length > 0;
  const data: EsearchData = {
    isUid: about.isUid,
    min: items.has("MIN") ? numbers[0] : undefined,
    max: items.has("MAX") ? numbers.at(-1) : undefined,
    count: items.has("COUNT") ? numbers.length : undefined,
    all: items.has("ALL") ? numbers : undefined,
    partial: partial &&
      bounds && { range: partial, numbers: numbers.subarray(bounds.start, bounds.end) },
    relevancy: items.has("RELEVANCY") ? relevancyOf(selected, result.uids, shown) : undefined,
    modSeq: tellsModSeq
      ? highestModSeq(selected, returnedBy(result.uids, options, shown))
      : undefined,
  };
  await writeEsearch(about.correlator, data, output);
}

/**
 * What `$` becomes: all that was found, or only what MIN, MAX and PARTIAL return where nothing else is
 * asked for (RFC 5182 §2.4, RFC 9394 §3.2).
 */
export function saveResult(
  selected: SelectedMailbox,
  { uids }: SearchResult,
  options: ResultOptions,
): void {
  if (!options.saves) return;
  const bounds = options.partial && boundsOf(options.partial, uids.length);
  const shown = bounds === undefined ? uids : uids.subarray(bounds.start, bounds.end);
  selected.save(returnedBy(uids, options, shown).toSorted());
}

/** `shown` is what PARTIAL leaves of the result. */
function returnedBy(
  uids: Uint32Array,
  { items, partial }: ResultOptions,
  shown: Uint32Array,
): Uint32Array {
  const isSome = items.has("MIN") || items.has("MAX") || partial !== undefined;
  if (!isSome || items.has("ALL") || items.has("COUNT") || uids.length === 0) return uids;
  const some = new Set(partial === undefined ? [] : shown);
  if (items.has("MIN")) some.add(uids[0] as number);
  if (items.has("MAX")) some.add(uids.at(-1) as number);
  return Uint32Array.from(some);
}

function highestModSeq({ view }: SelectedMailbox, uids: Uint32Array): number {
  let highest = 0;
  for (const uid of uids) {
    const row = indexOf(view.columns.uids, uid);
    if (row !== undefined) highest = Math.max(highest, view.columns.modSeqs[row] ?? 0);
  }
  return highest;
}

/** Runs a search that may be saved: one that is refused saves nothing found (RFC 5182 §2.1). */
export async function orForgetSaved<Result>(
  selected: SelectedMailbox,
  options: ResultOptions | undefined,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (options?.saves === true) forgetSaved(error, selected);
    throw error;
  }
}
