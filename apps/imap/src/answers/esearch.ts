import type { ResponseWriter } from "../response-writer.ts";
import type { PartialRange } from "../syntax/command-reader.ts";
import { formatSequenceSet } from "../syntax/sequence-set.ts";
import { formatString } from "../syntax/strings.ts";

/** search-correlator of RFC 4466 §3 and RFC 7377 §2.1: whose answer it is. */
export interface Correlator {
  readonly tag: string;
  /** Where other mailboxes than the selected one are searched; formatted. */
  readonly mailbox?: string;
  readonly uidValidity?: number;
}

/** What an ESEARCH response has in it. Absent is not told. */
export interface EsearchData {
  readonly isUid: boolean;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly count?: number | undefined;
  readonly all?: Uint32Array | undefined;
  readonly partial?: { readonly range: PartialRange; readonly numbers: Uint32Array } | undefined;
  readonly relevancy?: readonly number[] | undefined;
  readonly modSeq?: number | undefined;
}

/** `* ESEARCH (TAG "A282") UID MIN 2 COUNT 3`, in slices: RFC 4731 §3.1. */
export async function writeEsearch(
  correlator: Correlator,
  data: EsearchData,
  output: ResponseWriter,
): Promise<void> {
  output.write(`* ESEARCH ${formatCorrelator(correlator)}${data.isUid ? " UID" : ""}`);
  if (data.min !== undefined) output.write(` MIN ${data.min}`);
  if (data.max !== undefined) output.write(` MAX ${data.max}`);
  if (data.count !== undefined) output.write(` COUNT ${data.count}`);
  if (data.all !== undefined && data.all.length > 0) {
    output.write(" ALL ");
    await writeNumbers(data.all, output);
  }
  if (data.partial !== undefined) {
    output.write(` PARTIAL (${data.partial.range.text} `);
    if (data.partial.numbers.length === 0) output.write("NIL");
    else await writeNumbers(data.partial.numbers, output);
    output.write(")");
  }
  if (data.relevancy !== undefined) output.write(` RELEVANCY (${data.relevancy.join(" ")})`);
  if (data.modSeq !== undefined) output.write(` MODSEQ ${data.modSeq}`);
  output.write("\r\n");
}

export function formatCorrelator({ tag, mailbox, uidValidity }: Correlator): string {
  const where = mailbox === undefined ? "" : ` MAILBOX ${mailbox} UIDVALIDITY ${uidValidity}`;
  return `(TAG ${formatString(tag)}${where})`;
}

/** As a sequence-set in the order that they have; a range stands only for what ascends (RFC 5267 §3.2). */
async function writeNumbers(numbers: Uint32Array, output: ResponseWriter): Promise<void> {
  let ranges = 0;
  for (let start = 0; start < numbers.length; ranges += 1) {
    let end = start;
    while (numbers[end + 1] === (numbers[end] as number) + 1) end += 1;
    const range = { from: numbers[start] as number, to: numbers[end] as number };
    output.write((start === 0 ? "" : ",") + formatSequenceSet([range]));
    start = end + 1;
    if (ranges % 256 === 0) await output.pace();
  }
}
