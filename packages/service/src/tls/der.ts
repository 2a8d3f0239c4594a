import { isIP } from "node:net";

/** The little of DER (X.690) and of RFC 5280 that a certificate, or a request for one, is written with. */
export function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x1_0000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

export const sequence = (...items: Buffer[]) => der(0x30, Buffer.concat(items));
export const set = (...items: Buffer[]) => der(0x31, Buffer.concat(items));
export const integer = (octets: Buffer) => der(0x02, octets);
export const utf8String = (text: string) => der(0x0c, Buffer.from(text, "utf8"));
export const bitString = (octets: Buffer) => der(0x03, Buffer.concat([Buffer.from([0]), octets]));
export const tagged = (number: number, content: Buffer) => der(0xa0 | number, content);

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    octets.push(...digits);
  }
  return der(0x06, Buffer.from(octets));
}

export const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));

export const pem = (label: string, octets: Buffer) =>
  `-----BEGIN ${label}-----\n${octets.toString("base64").replaceAll(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`;

export const extension = (id: string, value: Buffer) => sequence(oid(id), der(0x04, value));

/** subjectAltName, RFC 5280 §4.2.1.6: host names and IP addresses. */
export const alternativeNames = (names: readonly string[]): Buffer =>
  extension(
    "2.5.29.17",
    sequence(
      ...names.map((name) =>
        isIP(name) === 0 ? der(0x82, Buffer.from(name, "ascii")) : der(0x87, addressOctets(name)),
      ),
    ),
  );

function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}
