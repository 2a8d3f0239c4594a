const CR = 0x0d;
const LF = 0x0a;

/**
 * LF line ends made CRLF, in pieces: state is only whether the octet before was CR. A CRLF that is there
 * already stays one.
 */
export class CrlfConverter {
  #before = 0;

  convert(octets: Uint8Array): Uint8Array {
    const lone: number[] = [];
    for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) {
      if ((at === 0 ? this.#before : octets[at - 1]) !== CR) lone.push(at);
    }
    this.#before = octets.at(-1) ?? this.#before;
    if (lone.length === 0) return octets;
    const converted = new Uint8Array(octets.length + lone.length);
    let from = 0;
    let to = 0;
    for (const at of lone) {
      converted.set(octets.subarray(from, at), to);
      to += at - from;
      converted[to] = CR;
      converted[to + 1] = LF;
      to += 2;
      from = at + 1;
    }
    converted.set(octets.subarray(from), to);
    return converted;
  }
}
