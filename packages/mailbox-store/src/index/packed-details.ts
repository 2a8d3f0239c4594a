import { crc32 } from "node:zlib";
import type { DetailsRow } from "./rows.ts";

/**
 * A row of details with all its values as one. better-sqlite3 makes a Buffer of each value, and six of them
 * were half of what an ENVELOPE of 100,000 messages took.
 */
export const packedDetailsSql = `SELECT id,
    length(envelope), length(bodyStructure), length(body), length(parts), length(emailId),
    CAST(envelope || bodyStructure || body || parts || emailId || threadId AS BLOB), crc
  FROM details`;

export type PackedDetailsRow = readonly [
  id: number,
  envelope: number,
  bodyStructure: number,
  body: number,
  parts: number,
  emailId: number,
  octets: Uint8Array,
  crc: number,
];

/** What is asked of it is cut out of the one value. */
export class PackedDetails implements DetailsRow {
  readonly #row: PackedDetailsRow;

  constructor(row: PackedDetailsRow) {
    this.#row = row;
  }

  get uid(): number {
    return this.#row[0] % 2 ** 32;
  }

  /** As areDetailsSound(): a checksum of values one after the other is that of all as one. */
  get isSound(): boolean {
    const [, , , , , , octets, crc] = this.#row;
    return crc === -1 || crc32(octets) === crc;
  }

  get envelope(): Uint8Array {
    return this.#cut(1);
  }

  get bodyStructure(): Uint8Array {
    return this.#cut(2);
  }

  get body(): Uint8Array {
    return this.#cut(3);
  }

  get parts(): Uint8Array {
    return this.#cut(4);
  }

  get emailId(): Uint8Array {
    return this.#cut(5);
  }

  get threadId(): Uint8Array {
    return this.#cut(6);
  }

  /** The value whose length stands at a place of the row; the last one has the rest. */
  #cut(place: 1 | 2 | 3 | 4 | 5 | 6): Uint8Array {
    const row = this.#row;
    let start = 0;
    for (let before = 1; before < place; before += 1) start += row[before] as number;
    const end = place === 6 ? row[6].length : start + row[place];
    return row[6].subarray(start, end);
  }
}
