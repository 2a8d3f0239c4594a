import type { AppendRequest } from "@posthouse/mailbox-store";
import { holdsNul } from "@posthouse/message";
import { openUrl } from "./answers/url-octets.ts";
import type { Session } from "./command.ts";
import { limits } from "./limits.ts";
import { isSharedName } from "./mailboxes/shared-name.ts";
import { tooMany } from "./message-limit.ts";
import { bad, no } from "./response.ts";
import type { User } from "./state.ts";
import type { CommandReader, FlagList, LiteralHeader } from "./syntax/command-reader.ts";
import { parseImapUrl } from "./syntax/imap-url.ts";

/** What stands before the octets of a message: append-message of RFC 4466 §6. */
interface MessageHead {
  readonly flags: FlagList;
  readonly internalDateMs: number | undefined;
  readonly data:
    | { readonly kind: "literal" | "utf8"; readonly header: LiteralHeader }
    | { readonly kind: "catenate" };
}

/**
 * The messages of an APPEND or a REPLACE, as they come from the client.
 *
 *   head octets head octets … CRLF
 *
 * The store asks for a message when it has the one before on disk, and for octets when it wants them; only
 * then is the client told to send. So a message is refused before it travels wherever that can be known, and
 * no message is in memory, however many there are and however large.
 */
export class IncomingMessages {
  /** Octets of each that has come whole. */
  readonly sizesBytes: number[] = [];
  readonly #user: User;
  readonly #session: Session;
  readonly #args: CommandReader;
  readonly #bytesMax: number;
  /** What the account has room for; undefined without a quota. */
  #roomBytes: number | undefined;

  constructor(user: User, session: Session, args: CommandReader) {
    this.#user = user;
    this.#session = session;
    this.#args = args;
    this.#bytesMax = session.services.config.limits.messageBytesMax;
  }

  /**
   * Reads the head of the first message, and refuses what can be refused by it. `freedBytes` go when the
   * messages come.
   */
  async begin(options: {
    readonly target: string;
    readonly freedBytes?: number;
  }): Promise<IncomingMessage> {
    const head = this.#readHead();
    const { account, mail } = this.#user;
    // What goes to somebody else counts for him.
    if (account.quotaBytes !== undefined && !isSharedName(options.target)) {
      const used = await mail.quota();
      this.#roomBytes = account.quotaBytes - used.bytes + (options.freedBytes ?? 0);
    }
    return this.#announce(head);
  }

  /** This one and all that follow it. */
  async *all(first: IncomingMessage): AsyncGenerator<AppendRequest> {
    yield first;
    const { perCommand, perAppend } = this.#session.messageLimits;
    const limit = Math.min(perCommand, perAppend);
    for (let messages = 2; !this.#args.isAtEnd; messages += 1) {
      // RFC 9738 §3.1: all or none, so that is none.
      if (messages > limit) throw tooMany({ limit });
      yield this.#announce(this.#readHead());
    }
  }

  /** `[SP flag-list] [SP date-time] SP append-data`. */
  #readHead(): MessageHead {
    const args = this.#args;
    args.sp();
    let flags: FlagList = { systemFlags: [], keywords: [] };
    if (args.peek() === "(") {
      flags = args.flagList();
      args.sp();
    }
    let internalDateMs: number | undefined;
    if (args.peek() === '"') {
      internalDateMs = args.dateTime();
      args.sp();
    }
    if (args.take("CATENATE (")) return { flags, internalDateMs, data: { kind: "catenate" } };
    const isUtf8 = args.take("UTF8 (");
    const header = args.literalHeader();
    // RFC 6855 §4: utf8-literal is a literal8.
    if (isUtf8 && !header.isBinary) throw args.expected("literal8");
    return { flags, internalDateMs, data: { kind: isUtf8 ? "utf8" : "literal", header } };
  }

  #announce({ flags, internalDateMs, data }: MessageHead): IncomingMessage {
    if (data.kind !== "catenate") this.#refuseSize(data.header.lengthBytes);
    const octets = data.kind === "catenate" ? this.#catenated() : this.#literal(data);
    const mayHoldNul = data.kind === "catenate" || data.header.isBinary;
    return {
      octets: this.#counted(octets),
      ...flags,
      ...(internalDateMs !== undefined && { internalDateMs }),
      ...(mayHoldNul && { mayHoldNul }),
    };
  }

  async *#counted(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { connection } = this.#session;
    let sizeBytes = 0;
    connection.setIdle(limits.stalledMsMax);
    try {
      for await (const piece of octets) {
        sizeBytes += piece.length;
        yield piece;
      }
    } finally {
      connection.setIdle(limits.idleMsMax);
    }
    // RFC 3502: this is how a client cancels what it has begun.
    if (sizeBytes === 0) throw no(undefined, "Nothing appended: a message has no octets");
    this.sizesBytes.push(sizeBytes);
    if (this.#roomBytes !== undefined) this.#roomBytes -= sizeBytes;
  }

  async *#literal({ kind }: { readonly kind: "literal" | "utf8" }): AsyncGenerator<Uint8Array> {
    yield* this.#session.incoming.literalOctets();
    this.#args.afterLiteral();
    if (kind === "utf8" && !this.#args.take(")")) throw this.#args.expected('")"');
  }

  /** `cat-part *(SP cat-part) ")"`: RFC 4469 §5. */
  async *#catenated(): AsyncGenerator<Uint8Array> {
    const args = this.#args;
    let sizeBytes = 0;
    for (let parts = 1; ; parts += 1) {
      if (parts > limits.catenatedPartsMax) {
        throw bad(`More than ${limits.catenatedPartsMax} in one CATENATE`, "LIMIT");
      }
      for await (const piece of this.#part(sizeBytes)) {
        sizeBytes += piece.length;
        yield piece;
      }
      if (args.take(")")) return;
      args.sp();
    }
  }

  async *#part(bytesBefore: number): AsyncGenerator<Uint8Array> {
    const args = this.#args;
    if (args.take("URL ")) {
      yield* this.#urlOctets(bytesBefore);
      return;
    }
    const isUtf8 = args.take("UTF8 (");
    if (!isUtf8 && !args.take("TEXT ")) throw args.expected("TEXT or URL");
    const { lengthBytes, isBinary } = args.literalHeader();
    if (isUtf8 && !isBinary) throw args.expected("literal8");
    this.#refuseSize(bytesBefore + lengthBytes);
    for await (const piece of this.#session.incoming.literalOctets()) {
      if (!isBinary && holdsNul(piece)) throw no("CANNOT", "A message cannot contain NUL octets");
      yield piece;
    }
    args.afterLiteral();
    if (isUtf8 && !args.take(")")) throw args.expected('")"');
  }

  async *#urlOctets(bytesBefore: number): AsyncGenerator<Uint8Array> {
    if (this.#args.isAtLiteral) await this.#session.incoming.gatherLiteral(limits.literalBytesMax);
    const text = this.#args.astring();
    const { state } = this.#session;
    const selectedName = state.name === "selected" ? state.selected.mailbox.name : undefined;
    const url = parseImapUrl(text);
    // RFC 4469 §3: a URL of another server, or with an authorization of its own, is not for here.
    const isOwn = url?.server === undefined && url?.authorization === undefined;
    await using part =
      url !== undefined && isOwn ? await openUrl(this.#user.mail, url, selectedName) : undefined;
    if (part === undefined) {
      const code = `BADURL ${urlText(text)}` as const;
      throw no(code, "That URL cannot be read");
    }
    this.#refuseSize(bytesBefore + part.lengthBytes);
    yield* part.octets();
  }

  /** The store would say so too, behind the last octet. */
  #refuseSize(bytes: number): void {
    if (bytes > this.#bytesMax) throw no("TOOBIG", "The message is larger than this server takes");
    if (this.#roomBytes !== undefined && bytes > this.#roomBytes) {
      throw no("OVERQUOTA", "Mailbox is full");
    }
  }
}

export type IncomingMessage = AppendRequest;

/** url-resp-text: what the client sent, without what would end the response code (RFC 4469 §5). */
const urlText = (text: string): string =>
  JSON.stringify(text.replaceAll(/[^\x20-\x5c\x5e-\x7e]/g, "?"));
