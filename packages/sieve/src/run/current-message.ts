import type { MessagePart } from "@posthouse/message";
import { decodedValue, fieldsOf, rawValue, type ScriptField } from "./header-values.ts";
import {
  concat,
  headerEnd,
  type MessagePiece,
  type MessageSource,
  slicePieces,
  sourceOfPieces,
} from "./message-source.ts";

/** A range of the message that other octets stand for. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly MessagePiece[];
}

/** Octets of a header that was put together which are read: as many as PartScanner reads. */
const headerBytesMax = 256 * 1024;

/**
 * The message as it is at this place of the script: with the fields that editheader added and
 * removed, and the parts that were replaced. Nothing of the body is held: what is changed is a list
 * of pieces, ranges of the message that came and new octets.
 *
 * Parts are changed while a loop goes over them; their offsets stay those of `#view`, and the changes
 * wait in `#edits` until settle(), when a new view is made. Changes of the header wait in `#fields`.
 */
export class CurrentMessage {
  readonly #original: MessageSource;
  #pieces: readonly MessagePiece[];
  #view: MessageSource;
  #parts: Promise<MessagePart> | MessagePart | undefined;
  #fields: ScriptField[] | undefined;
  #values = new Map<string, readonly string[]>();
  #isHeaderEdited = false;
  #edits: Edit[] = [];

  constructor(original: MessageSource) {
    this.#original = original;
    this.#pieces = [{ start: 0, end: original.sizeBytes }];
    this.#view = original;
  }

  get sizeBytes(): number {
    return this.#view.sizeBytes;
  }

  /** All fields, in order. */
  get fields(): readonly ScriptField[] {
    this.#fields ??= fieldsOf(this.#view.header);
    return this.#fields;
  }

  /** The fields of a name, in order. */
  named(name: string): readonly ScriptField[] {
    const wanted = name.toLowerCase();
    return this.fields.filter((field) => field.name === wanted);
  }

  /** Their values, decoded. */
  values(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    let values = this.#values.get(wanted);
    if (values === undefined) {
      values = this.named(wanted).map(decodedValue);
      this.#values.set(wanted, values);
    }
    return values;
  }

  rawValues(name: string): readonly string[] {
    return this.named(name).map(rawValue);
  }

  addField(field: ScriptField, isLast: boolean): void {
    const fields = [...this.fields];
    if (isLast) fields.push(field);
    else fields.unshift(field);
    this.#editHeader(fields);
  }

  deleteFields(deleted: ReadonlySet<ScriptField>): void {
    this.#editHeader(this.fields.filter((field) => !deleted.has(field)));
  }

  /** The parts, with offsets for read(). */
  parts(): Promise<MessagePart> | MessagePart {
    this.#parts ??= this.#view.parts();
    return this.#parts;
  }

  read(start: number, end: number): Promise<Uint8Array> | Uint8Array {
    return this.#view.read(start, end);
  }

  /** The octets from start to end, whoever holds them. */
  slice(start: number, end: number): MessagePiece[] {
    return slicePieces(this.#pieces, start, end);
  }

  replace(start: number, end: number, pieces: readonly MessagePiece[]): void {
    // What was replaced inside of it is gone with it.
    this.#edits = this.#edits.filter((edit) => edit.start < start || edit.end > end);
    // And inside of what is gone already, there is nothing to replace.
    if (this.#edits.some((edit) => edit.start <= start && end <= edit.end)) return;
    this.#edits.push({ start, end, pieces });
  }

  /** The whole message as new pieces. */
  replaceAll(header: Uint8Array, body: readonly MessagePiece[]): void {
    this.#setPieces([header, ...body], header);
  }

  /** Makes the changes so far those that tests see. */
  async settle(): Promise<void> {
    if (this.#edits.length === 0) return;
    const pieces = this.pieces();
    const whole = sourceOfPieces(this.#original, pieces, new Uint8Array());
    const head = await whole.read(0, Math.min(headerBytesMax, whole.sizeBytes));
    this.#setPieces(pieces, head.subarray(0, headerEnd(head)));
  }

  /** What the message is now; the caller reads ranges from the message that came. */
  pieces(): readonly MessagePiece[] {
    if (!this.isChanged) return this.#pieces;
    const pieces: MessagePiece[] = [];
    let at = 0;
    if (this.#isHeaderEdited) {
      const { header } = this.#view;
      const fieldsEnd = fieldsOf(header).reduce((sum, { raw }) => sum + raw.length, 0);
      pieces.push(concat(this.fields.map(({ raw }) => raw)));
      // A message without an empty line had no body, and a field after its last line needs its end.
      at = fieldsEnd;
    }
    for (const edit of this.#edits.toSorted((one, other) => one.start - other.start)) {
      pieces.push(...slicePieces(this.#pieces, at, edit.start), ...edit.pieces);
      at = Math.max(at, edit.end);
    }
    pieces.push(...slicePieces(this.#pieces, at, this.#view.sizeBytes));
    return pieces;
  }

  get isChanged(): boolean {
    return this.#isHeaderEdited || this.#edits.length > 0;
  }

  #editHeader(fields: ScriptField[]): void {
    this.#fields = fields;
    this.#values = new Map();
    this.#isHeaderEdited = true;
  }

  #setPieces(pieces: readonly MessagePiece[], header: Uint8Array): void {
    this.#pieces = pieces;
    this.#view = sourceOfPieces(this.#original, pieces, header);
    this.#parts = undefined;
    this.#fields = undefined;
    this.#values = new Map();
    this.#isHeaderEdited = false;
    this.#edits = [];
  }
}
