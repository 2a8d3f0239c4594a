import { isIPv6, type Socket } from "node:net";
import { parseHeader } from "@posthouse/message";
import { write } from "../endpoint.ts";
import { type AddedField, type FilteredMail, FilterFailed } from "../filter.ts";
import { limits } from "../limits.ts";
import { number, type Packet, PacketReader, packet, text, textsIn } from "./packet.ts";

const VERSION = 6;
/** What a milter may do that we do: add fields, and quarantine. It may ask to change fields, to no effect. */
const ACTIONS = { addFields: 0x01, changeFields: 0x10, quarantine: 0x20 } as const;
/** Steps that a milter may leave out, and answers that it may leave out. */
const LEAVES_OUT = {
  C: 0x01,
  H: 0x02,
  M: 0x04,
  R: 0x08,
  B: 0x10,
  L: 0x20,
  N: 0x40,
  T: 0x200,
} as const;
const IS_SILENT_AT = {
  C: 0x1000,
  H: 0x2000,
  M: 0x4000,
  R: 0x8000,
  T: 0x1_0000,
  L: 0x80,
  N: 0x4_0000,
  B: 0x8_0000,
} as const;
const MAY_SKIP_BODY = 0x400;
const WANTS_LEADING_SPACE = 0x10_0000;

type Step = keyof typeof LEAVES_OUT;

/** How a milter ended its look at the message. */
export interface MilterAnswer {
  readonly end: "accept" | "reject" | "tempfail" | "discard" | { readonly reply: string };
  readonly fields: readonly AddedField[];
  /** Its reason, when it wants the message held. */
  readonly quarantine: string | undefined;
}

/**
 * One message through one milter, protocol version 6 as sendmail's libmilter speaks it:
 *
 *   we                                the milter
 *   O version, actions, steps     →
 *                                 ←   O what of that it wants
 *   C H M R… T L… N B…  each      →   (macros, D, before some)
 *                                 ←   c go on, a d r t y: the end, s enough of the body
 *   E                             →
 *                                 ←   h i q … modifications, p wait, then one of c a d r t y
 *   Q                             →
 *
 * The whole session is told at once, at end of data: whatever it refuses, it refuses the message.
 */
export class MilterSession {
  readonly #socket: Socket;
  readonly #reader: PacketReader;
  #steps = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new PacketReader(socket);
  }

  async run(mail: FilteredMail): Promise<MilterAnswer> {
    await this.#negotiate();
    const early = (await this.#envelope(mail)) ?? (await this.#message(mail));
    const answer = early ?? (await this.#end(mail));
    await this.#send(packet("Q"));
    return answer;
  }

  async #negotiate(): Promise<void> {
    const { addFields, changeFields, quarantine } = ACTIONS;
    const steps = [...Object.values(LEAVES_OUT), ...Object.values(IS_SILENT_AT)];
    const offered = steps.reduce((all, one) => all | one, MAY_SKIP_BODY | WANTS_LEADING_SPACE);
    const actions = addFields | changeFields | quarantine;
    await this.#send(packet("O", number(VERSION), number(actions), number(offered)));
    const { letter, data } = await this.#reader.next();
    if (letter !== "O" || data.length < 12) {
      throw new FilterFailed("The milter did not negotiate: it may want to do what is not offered");
    }
    if (data.readUInt32BE(0) < 2) throw new FilterFailed("The milter's protocol is too old");
    const wanted = data.readUInt32BE(4);
    if ((wanted & ~actions) !== 0) {
      throw new FilterFailed("The milter wants to change recipients or the body, which it may not");
    }
    this.#steps = data.readUInt32BE(8);
  }

  async #envelope(mail: FilteredMail): Promise<MilterAnswer | undefined> {
    await this.#macros("C", { j: mail.hostname, "{daemon_name}": mail.hostname, v: "Posthouse" });
    const family = Buffer.from(isIPv6(mail.clientAddress) ? "6" : "4");
    const port = Buffer.alloc(2);
    const name = mail.clientName ?? `[${mail.clientAddress}]`;
    const connected = await this.#step("C", text(name), family, port, text(mail.clientAddress));
    if (connected !== undefined) return connected;
    if (mail.tls !== undefined) {
      await this.#macros("H", {
        "{tls_version}": mail.tls.version,
        "{cipher}": mail.tls.cipher,
      });
    }
    const greeted = await this.#step("H", text(mail.helo));
    if (greeted !== undefined) return greeted;
    await this.#macros("M", { i: mail.messageId, "{mail_addr}": mail.reversePath });
    const sender = await this.#step("M", text(`<${mail.reversePath}>`));
    if (sender !== undefined) return sender;
    for (const recipient of mail.recipients) {
      await this.#macros("R", { "{rcpt_addr}": recipient });
      const answer = await this.#step("R", text(`<${recipient}>`));
      if (answer !== undefined) return answer;
    }
    return await this.#step("T");
  }

  async #message(mail: FilteredMail): Promise<MilterAnswer | undefined> {
    let head: Buffer | undefined = Buffer.alloc(0);
    for await (const octets of mail.octets()) {
      if (head === undefined) {
        const answer = await this.#body(octets);
        if (answer === "enough") return undefined;
        if (answer !== undefined) return answer;
        continue;
      }
      head = Buffer.concat([head, octets]);
      const end = head.indexOf("\r\n\r\n");
      if (end === -1 && head.length < limits.headerBytesMax) continue;
      const bodyAt = end === -1 ? head.length : end + 4;
      const answer =
        (await this.#header(head.subarray(0, bodyAt))) ?? (await this.#body(head.subarray(bodyAt)));
      if (answer === "enough") return undefined;
      if (answer !== undefined) return answer;
      head = undefined;
    }
    return head === undefined ? undefined : await this.#header(head);
  }

  async #header(header: Buffer): Promise<MilterAnswer | undefined> {
    for (const { name, raw, start, valueStart } of parseHeader(header)) {
      if (name === "") continue;
      const given = Buffer.from(raw).toString("utf8");
      const label = given.slice(0, given.indexOf(":"));
      const value = Buffer.from(raw.subarray(valueStart - start)).toString("utf8");
      // As from sendmail: folds are a line feed, and the blank after the colon is not part of the value.
      const unterminated = value.replace(/\r?\n$/, "").replaceAll("\r\n", "\n");
      const hasSpace = (this.#steps & WANTS_LEADING_SPACE) !== 0;
      const shown = hasSpace ? unterminated : unterminated.replace(/^ /, "");
      const answer = await this.#step("L", text(label.trimEnd()), text(shown));
      if (answer !== undefined) return answer;
    }
    return await this.#step("N");
  }

  async #body(octets: Uint8Array): Promise<MilterAnswer | "enough" | undefined> {
    for (let at = 0; at < octets.length; at += limits.bodyChunkBytes) {
      const answer = await this.#told("B", octets.subarray(at, at + limits.bodyChunkBytes));
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** The last word, with what it wants changed before it. */
  async #end(mail: FilteredMail): Promise<MilterAnswer> {
    await this.#macros("E", { i: mail.messageId });
    await this.#send(packet("E"));
    const fields: AddedField[] = [];
    let quarantine: string | undefined;
    for (;;) {
      const said = await this.#reader.next();
      const isInserted = said.letter === "i";
      if (said.letter === "h" || isInserted) {
        const [name = "", value = ""] = textsIn(isInserted ? said.data.subarray(4) : said.data);
        if (fields.length < limits.fieldsMax) fields.push({ name, value });
      } else if (said.letter === "q") quarantine = textsIn(said.data)[0] ?? "";
      else if (said.letter !== "p" && said.letter !== "m") {
        const end = said.letter === "c" ? "accept" : endIn(said);
        if (end === undefined) throw unforeseen(said);
        return { end, fields, quarantine };
      }
    }
  }

  /** As #told() for all steps but the body, of which alone there can be enough. */
  async #step(letter: Step, ...data: readonly Uint8Array[]): Promise<MilterAnswer | undefined> {
    const answer = await this.#told(letter, ...data);
    return answer === "enough" ? undefined : answer;
  }

  /** Tells one step, unless the milter does not want it. Undefined: go on. */
  async #told(
    letter: Step,
    ...data: readonly Uint8Array[]
  ): Promise<MilterAnswer | "enough" | undefined> {
    if ((this.#steps & LEAVES_OUT[letter]) !== 0) return undefined;
    await this.#send(packet(letter, ...data));
    if ((this.#steps & IS_SILENT_AT[letter]) !== 0) return undefined;
    for (;;) {
      const said = await this.#reader.next();
      if (said.letter === "p") continue;
      if (said.letter === "c") return undefined;
      if (said.letter === "s") return "enough";
      const end = endIn(said);
      if (end === undefined) throw unforeseen(said);
      return { end, fields: [], quarantine: undefined };
    }
  }

  async #macros(step: string, macros: Readonly<Record<string, string>>): Promise<void> {
    const pairs = Object.entries(macros).flatMap(([name, value]) => [text(name), text(value)]);
    await this.#send(packet("D", step, ...pairs));
  }

  async #send(octets: Buffer): Promise<void> {
    if (!(await write(this.#socket, octets))) {
      throw new FilterFailed("The milter closed the connection");
    }
  }
}

function endIn({ letter, data }: Packet): MilterAnswer["end"] | undefined {
  switch (letter) {
    case "a":
      return "accept";
    case "d":
      return "discard";
    case "r":
      return "reject";
    case "t":
      return "tempfail";
    case "y":
      return { reply: textsIn(data)[0] ?? "" };
    default:
      return undefined;
  }
}

const unforeseen = ({ letter }: Packet): FilterFailed =>
  new FilterFailed(`The milter said "${letter}", which has no place here`);
