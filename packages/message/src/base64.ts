const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const skipped = 64;
const padding = 65;

const sextetOf = new Uint8Array(256).fill(skipped);
for (let value = 0; value < 64; value += 1) sextetOf[alphabet.charCodeAt(value)] = value;
sextetOf["=".charCodeAt(0)] = padding;

/**
 * Base64 in pieces (RFC 2045 §6.8). Octets outside the alphabet are skipped, as that section asks;
 * after padding a new quantum may begin, since some senders join encoded blocks.
 */
export class Base64Decoder {
  #bits = 0;
  #bitCount = 0;

  /** The octets that are complete with these. */
  push(encoded: Uint8Array): Uint8Array<ArrayBuffer> {
    const decoded = new Uint8Array(Math.ceil((encoded.length * 3) / 4) + 1);
    let length = 0;
    for (let at = 0; at < encoded.length; at += 1) {
      const value = sextetOf[encoded[at] as number] as number;
      if (value < skipped) {
        this.#bits = ((this.#bits << 6) | value) & 0xffffff;
        this.#bitCount += 6;
        if (this.#bitCount >= 8) {
          this.#bitCount -= 8;
          decoded[length] = this.#bits >> this.#bitCount;
          length += 1;
        }
      } else if (value === padding) this.#bitCount = 0;
    }
    return decoded.subarray(0, length);
  }

  /** Left-over bits are no octet. */
  end(): Uint8Array<ArrayBuffer> {
    this.#bitCount = 0;
    return new Uint8Array(0);
  }
}
