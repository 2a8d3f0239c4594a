import { limits } from "../limits.ts";
import type { OctetSource, ScannedMessage } from "../mbox/mbox-scanner.ts";
import { scanMbox } from "../mbox/mbox-scanner.ts";
import { type MboxBase, parseBase, parseFlags } from "../mbox/store-fields.ts";
import { isKeyword } from "../writer/keyword-table.ts";

/** What an mbox of another program holds, as it was looked through. */
export interface MboxSurvey {
  readonly messages: number;
  readonly bytes: number;
  readonly base: MboxBase | undefined;
  /** Messages that have no UID that could stay. */
  readonly withoutUid: number;
  /** As far as they fit into a mailbox, and one more where there are more. */
  readonly keywords: readonly string[];
  /** The last message has a header that does not end: the file was cut off. */
  readonly isCut: boolean;
}

/**
 * Reads all of it, and keeps nothing but numbers. Other work has its turn between messages where
 * `isTurnOver` says so; the caller waits then.
 */
export function* surveyMbox(source: OctetSource): Generator<undefined, MboxSurvey> {
  const keywords = new Map<string, string>();
  let messages = 0;
  let withoutUid = 0;
  let isCut = false;
  const uids = new StoredUids();
  for (const message of scanMbox(source)) {
    const uid = uids.uidOf(message);
    if (isInternalMessage(message)) continue;
    messages += 1;
    if (uid === undefined) withoutUid += 1;
    isCut = !message.hasHeaderEnd;
    for (const name of keywordsOf(message)) {
      if (keywords.size <= limits.keywordsMax) keywords.set(name.toLowerCase(), name);
    }
    yield;
  }
  return {
    messages,
    bytes: source.sizeBytes,
    base: uids.base,
    withoutUid,
    keywords: [...keywords.values()],
    isCut,
  };
}

/**
 * The UIDs that stand in an mbox, asked for message by message from the first on.
 *
 * They count only where the first message says their UIDVALIDITY, and only as they grow and none is above
 * the last that was given out, as for c-client and Dovecot: any other one came along when a program
 * copied the message from another mailbox, and may have been another message's here.
 */
export class StoredUids {
  #base: MboxBase | undefined;
  #isFirst = true;
  #uidBefore = 0;

  /** Known when the first message was asked for. */
  get base(): MboxBase | undefined {
    return this.#base;
  }

  uidOf(message: ScannedMessage): number | undefined {
    if (this.#isFirst) {
      this.#isFirst = false;
      const { fields } = message;
      const base = parseBase(fields.get("x-imap") ?? fields.get("x-imapbase") ?? "");
      // No UID would be left for new messages: they all begin anew.
      if (base !== undefined && base.uidLast <= limits.uidMax - uidsLeftMin) this.#base = base;
    }
    if (this.#base === undefined) return undefined;
    const digits = message.fields.get("x-uid")?.trim() ?? "";
    const uid = /^\d{1,10}$/.test(digits) ? Number(digits) : 0;
    if (uid <= this.#uidBefore || uid > this.#base.uidLast) return undefined;
    this.#uidBefore = uid;
    return uid;
  }
}

const uidsLeftMin = 0x0100_0000;

/** c-client's and Dovecot's own first message, which is no one's mail. */
export function isInternalMessage(message: ScannedMessage): boolean {
  return message.fromOffset === 0 && message.fields.has("x-imap");
}

export function keywordsOf(message: ScannedMessage): string[] {
  return parseFlags(message.fields).keywords.filter(isKeyword);
}
