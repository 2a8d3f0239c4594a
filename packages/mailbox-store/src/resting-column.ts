/**
 * A column that nobody looks at while its mailbox is idle: then it is kept in four or six octets a message instead
 * of eight, and comes back at the first look, for all who look, in a few microseconds a thousand messages.
 */
export class RestingColumn {
  #wide: Float64Array | undefined;
  #narrow: Narrow | undefined;
  #isUsed = true;

  constructor(values: Float64Array) {
    this.#wide = values;
  }

  get values(): Float64Array {
    this.#isUsed = true;
    if (this.#wide === undefined) {
      this.#wide = widened(this.#narrow as Narrow);
      this.#narrow = undefined;
    }
    return this.#wide;
  }

  /** To be called now and then; makes it narrow when nobody has looked since the last call. */
  rest(): void {
    const isIdle = !this.#isUsed;
    this.#isUsed = false;
    if (!isIdle || this.#wide === undefined) return;
    this.#narrow = narrowed(this.#wide);
    if (this.#narrow !== undefined) this.#wide = undefined;
  }
}

/** `wholes` times `unit`, and what `rests` has more. */
interface Narrow {
  readonly wholes: Uint32Array;
  readonly unit: number;
  readonly rests: Uint16Array | undefined;
}

const SECOND_MS = 1000;

/** Numbers of 32 bits, or times; undefined where the numbers are neither. */
function narrowed(wide: Float64Array): Narrow | undefined {
  return divided(wide, 1) ?? divided(wide, SECOND_MS);
}

function divided(wide: Float64Array, unit: number): Narrow | undefined {
  const wholes = new Uint32Array(wide.length);
  let rests: Uint16Array | undefined;
  for (let row = 0; row < wide.length; row += 1) {
    const value = wide[row] as number;
    const whole = Math.floor(value / unit);
    const rest = value - whole * unit;
    if (whole < 0 || whole > 0xffff_ffff || !Number.isInteger(value)) return undefined;
    wholes[row] = whole;
    if (rest === 0) continue;
    rests ??= new Uint16Array(wide.length);
    rests[row] = rest;
  }
  return { wholes, unit, rests };
}

function widened({ wholes, unit, rests }: Narrow): Float64Array {
  const wide = new Float64Array(wholes.length);
  for (let row = 0; row < wide.length; row += 1) {
    wide[row] = (wholes[row] as number) * unit + (rests === undefined ? 0 : (rests[row] as number));
  }
  return wide;
}
