import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/**
 * A certificate that vouches for itself: encryption for the time until a real one is there, and for
 * trying. RFC 5280 in DER, ECDSA on P-256.
 */
export function makeSelfSignedCertificate(options: {
  /** The first is the common name; all stand in subjectAltName. Host names and IP addresses. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly days: number;
}): { readonly certificate: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const [commonName = "localhost"] = options.names;
  const subject = sequence(set(sequence(oid("2.5.4.3"), utf8String(commonName))));
  const notAfter = new Date(options.notBefore.getTime() + options.days * 86_400_000);
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ecdsaWithSha256,
    subject,
    sequence(time(options.notBefore), time(notAfter)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(3, extensions(options.names)),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, bitString(signature));
  return {
    certificate: pem("CERTIFICATE", certificate),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** RFC 5280 §4.2.1: no authority, for servers only, and known by these names. */
function extensions(names: readonly string[]): Buffer {
  const alternatives = names.map((name) =>
    isIP(name) === 0 ? der(0x82, Buffer.from(name, "ascii")) : der(0x87, addressOctets(name)),
  );
  return sequence(
    extension("2.5.29.19", sequence()),
    extension("2.5.29.15", der(0x03, Buffer.from([7, 0x80]))),
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))),
    extension("2.5.29.17", sequence(...alternatives)),
  );
}

const extension = (id: string, value: Buffer) => sequence(oid(id), der(0x04, value));

function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

const sequence = (...items: Buffer[]) => der(0x30, Buffer.concat(items));
const set = (...items: Buffer[]) => der(0x31, Buffer.concat(items));
const integer = (octets: Buffer) => der(0x02, octets);
const utf8String = (text: string) => der(0x0c, Buffer.from(text, "utf8"));
const bitString = (octets: Buffer) => der(0x03, Buffer.concat([Buffer.from([0]), octets]));
const tagged = (number: number, content: Buffer) => der(0xa0 | number, content);

/** UTCTime as RFC 5280 §4.1.2.5 asks until 2049, GeneralizedTime after. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2), "ascii"))
    : der(0x18, Buffer.from(digits, "ascii"));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    octets.push(...digits);
  }
  return der(0x06, Buffer.from(octets));
}

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));

const pem = (label: string, octets: Buffer) =>
  `-----BEGIN ${label}-----\n${octets.toString("base64").replaceAll(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`;
