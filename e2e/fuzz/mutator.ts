import { randomOf } from "../made-messages.ts";

/** Most inputs are no longer than the first: what is longer repeats, and costs the time of many short ones. */
const SHORT_BYTES_MAX = 1024;
const LONG_BYTES_MAX = 16 * 1024;

/** Octets at which readers decide something. */
const interesting = Buffer.from('\0\t\n\r !"%()*+,-./:;<=>?@[\\]{}~\x7f\x80\xc3\xff', "latin1");

/** Makes inputs out of others. Which ones depends on the seed alone. */
export class Mutator {
  readonly #random: () => number;
  readonly #words: readonly Buffer[];

  constructor(seed: number, words: readonly string[]) {
    this.#random = randomOf(seed);
    this.#words = words.map((word) => Buffer.from(word, "latin1"));
  }

  /** One of the seeds, or several in a row, with a few changes. */
  next(seeds: readonly Buffer[]): Buffer {
    let input = this.one(seeds);
    if (this.#random() < 0.2) input = Buffer.concat([input, this.one(seeds)]);
    for (let changes = 1 + this.below(6); changes > 0; changes -= 1) {
      input = this.#change(input, seeds);
    }
    return input.subarray(0, this.#random() < 0.97 ? SHORT_BYTES_MAX : LONG_BYTES_MAX);
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #change(input: Buffer, seeds: readonly Buffer[]): Buffer {
    const at = this.below(input.length + 1);
    const rest = input.length - at;
    const length = Math.min(rest, 1 + this.below(this.#random() < 0.8 ? 8 : 200));
    switch (this.below(10)) {
      case 0:
        return replaced(input, at, Math.min(1, rest), Buffer.of(this.below(256)));
      case 1:
        return replaced(input, at, Math.min(1, rest), Buffer.of(this.one([...interesting])));
      case 2:
        return replaced(input, at, 0, Buffer.of(this.one([...interesting])));
      case 3:
        return replaced(input, at, length, Buffer.alloc(0));
      case 4:
        return replaced(input, at, 0, this.one(this.#words));
      case 5:
        return replaced(input, at, length, this.one(this.#words));
      case 6:
        return replaced(input, this.below(input.length + 1), 0, input.subarray(at, at + length));
      case 7:
        return replaced(input, at, 0, this.#repeated(input.subarray(at, at + length)));
      case 8:
        return this.#spliced(input, at, this.one(seeds));
      default:
        return this.#withOtherNumber(input, at);
    }
  }

  /** Now and then very often: what takes time by the square shows. */
  #repeated(piece: Buffer): Buffer {
    const times = this.#random() < 0.95 ? this.below(10) : this.below(1000);
    return Buffer.concat(Array<Buffer>(times).fill(piece.subarray(0, 64)));
  }

  #spliced(input: Buffer, at: number, other: Buffer): Buffer {
    const from = this.below(other.length + 1);
    return Buffer.concat([input.subarray(0, at), other.subarray(from)]);
  }

  /** The number that stands there, or the next one behind: lengths, counts and dates. */
  #withOtherNumber(input: Buffer, at: number): Buffer {
    let start = at;
    while (start < input.length && !isDigit(input[start])) start += 1;
    let end = start;
    while (isDigit(input[end])) end += 1;
    const number = this.one(["0", "1", "2", "5", "17", "64", "99", "4096", "65537", "4294967296"]);
    return replaced(input, start, end - start, Buffer.from(number));
  }
}

const isDigit = (octet: number | undefined): boolean =>
  octet !== undefined && octet >= 0x30 && octet <= 0x39;

const replaced = (input: Buffer, at: number, length: number, piece: Buffer): Buffer =>
  Buffer.concat([input.subarray(0, at), piece, input.subarray(at + length)]);
