import { createHmac, timingSafeEqual } from "node:crypto";
import { isIPv4 } from "node:net";
import { nibblesOf } from "./domain-name.ts";

/**
 * Messages of RFC 2136, signed by RFC 8945, in octets. Written here and not with dns-packet, which knows
 * neither the class NONE nor TSIG, and a signature needs the octets as they are.
 */
const typeNumbers = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  TLSA: 52,
  CAA: 257,
} as const;

export type UpdateType = Exclude<keyof typeof typeNumbers, "SOA">;

/** A record as a zone file has it: `data` is `10 mail.example.org.` of an MX, and `"…"` of a TXT. */
export interface UpdateRecord {
  readonly name: string;
  readonly type: UpdateType;
  readonly ttlSeconds: number;
  readonly data: string;
}

/** All records of one name and type. */
export interface RecordSet {
  readonly name: string;
  readonly type: UpdateType;
}

export interface TsigKey {
  readonly name: string;
  readonly algorithm: "hmac-sha1" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly secret: Buffer;
}

const classIn = 1;
const classAny = 255;
const typeTsig = 250;
/** RFC 8945 §10: how far the clocks of both may be apart. */
const FUDGE_SECONDS = 300;

/** The sets are emptied first, then the records come in: one message, which holds whole or not at all. */
export function updateMessage(options: {
  readonly id: number;
  readonly zone: string;
  readonly clear: readonly RecordSet[];
  readonly add: readonly UpdateRecord[];
}): Buffer {
  const { id, zone, clear, add } = options;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  // RFC 2136 §2.2: opcode 5.
  header.writeUInt16BE(5 << 11, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(clear.length + add.length, 8);
  return Buffer.concat([
    header,
    nameOctets(zone),
    uint16(typeNumbers.SOA),
    uint16(classIn),
    // RFC 2136 §2.5.2: class ANY, no data: the whole set goes.
    ...clear.map(({ name, type }) => record(name, typeNumbers[type], classAny, 0, Buffer.alloc(0))),
    ...add.map(({ name, type, ttlSeconds, data }) =>
      record(name, typeNumbers[type], classIn, ttlSeconds, dataOctets(type, data)),
    ),
  ]);
}

export interface SignedMessage {
  readonly octets: Buffer;
  /** What the answer's signature is made over as well. */
  readonly mac: Buffer;
}

/** RFC 8945 §4.3.3: the message, and what the TSIG record says of itself. */
export function signed(message: Buffer, key: TsigKey, nowSeconds: number): SignedMessage {
  const time = Buffer.concat([uint48(nowSeconds), uint16(FUDGE_SECONDS)]);
  const mac = createHmac(key.algorithm.slice(5), key.secret)
    .update(message)
    .update(variables(key, time, Buffer.alloc(4)))
    .digest();
  const data = Buffer.concat([
    nameOctets(key.algorithm),
    time,
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    Buffer.alloc(4),
  ]);
  const octets = Buffer.concat([message, record(key.name, typeTsig, classAny, 0, data)]);
  octets.writeUInt16BE(octets.readUInt16BE(10) + 1, 10);
  return { octets, mac };
}

/** Whether an answer is signed with the key, and is one to the message with this MAC: RFC 8945 §5.3. */
export function isSignedAnswer(answer: Buffer, key: TsigKey, requestMac: Buffer): boolean {
  try {
    return isSigned(answer, key, requestMac);
  } catch (error) {
    // Read past the end: whoever sent it does not know how a message goes.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function isSigned(answer: Buffer, key: TsigKey, requestMac: Buffer): boolean {
  const additional = answer.readUInt16BE(10);
  if (additional === 0) return false;
  let at = 12;
  for (let n = answer.readUInt16BE(4); n > 0; n -= 1) at = afterName(answer, at) + 4;
  const records = answer.readUInt16BE(6) + answer.readUInt16BE(8) + additional;
  for (let n = records; n > 1; n -= 1) at = afterRecord(answer, at);
  let data = afterName(answer, at);
  if (answer.readUInt16BE(data) !== typeTsig) return false;
  const error = afterName(answer, data + 10);
  data = error;
  const time = answer.subarray(data, data + 8);
  const macLength = answer.readUInt16BE(data + 8);
  const mac = answer.subarray(data + 10, data + 10 + macLength);
  const rest = data + 10 + macLength;
  const otherLength = answer.readUInt16BE(rest + 4);
  const other = answer.subarray(rest + 2, rest + 6 + otherLength);
  // The answer as it was before its TSIG record came behind it.
  const before = Buffer.from(answer.subarray(0, at));
  answer.copy(before, 0, rest, rest + 2);
  before.writeUInt16BE(additional - 1, 10);
  const expected = createHmac(key.algorithm.slice(5), key.secret)
    .update(uint16(requestMac.length))
    .update(requestMac)
    .update(before)
    .update(variables(key, time, other))
    .digest();
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}

/** `time` is Time Signed and Fudge; `other` is Error, Other Len and Other Data. */
const variables = (key: TsigKey, time: Buffer, other: Buffer): Buffer =>
  Buffer.concat([
    nameOctets(key.name),
    uint16(classAny),
    Buffer.alloc(4),
    nameOctets(key.algorithm),
    time,
    other,
  ]);

function afterName(octets: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = octets.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
}

function afterRecord(octets: Buffer, start: number): number {
  const at = afterName(octets, start);
  return at + 10 + octets.readUInt16BE(at + 8);
}

const record = (name: string, type: number, klass: number, ttl: number, data: Buffer): Buffer =>
  Buffer.concat([
    nameOctets(name),
    uint16(type),
    uint16(klass),
    uint32(ttl),
    uint16(data.length),
    data,
  ]);

/** In lower case, as a signature has names (RFC 8945 §4.3.3). */
function nameOctets(name: string): Buffer {
  const labels = name.toLowerCase().replace(/\.$/u, "").split(".");
  if (labels.length === 1 && labels[0] === "") return Buffer.alloc(1);
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, "latin1")]),
    Buffer.alloc(1),
  ]);
}

function dataOctets(type: UpdateType, data: string): Buffer {
  const fields = data.trim().split(/\s+/u);
  const [first = "", second = "", third = "", fourth = ""] = fields;
  switch (type) {
    case "A":
      if (!isIPv4(first)) throw new RangeError(`"${first}" is no IPv4 address`);
      return Buffer.from(first.split(".").map(Number));
    case "AAAA":
      return Buffer.from(nibblesOf(first), "hex");
    case "CNAME":
    case "PTR":
      return nameOctets(first);
    case "MX":
      return Buffer.concat([uint16(Number(first)), nameOctets(second)]);
    case "SRV":
      return Buffer.concat([...[first, second, third].map(Number).map(uint16), nameOctets(fourth)]);
    case "TLSA":
      return Buffer.concat([
        Buffer.from([first, second, third].map(Number)),
        Buffer.from(fourth, "hex"),
      ]);
    case "CAA": {
      const value = third.replace(/^"|"$/gu, "");
      return Buffer.concat([Buffer.from([Number(first)]), string(second), Buffer.from(value)]);
    }
    case "TXT":
      return Buffer.concat(stringsOf(data).flatMap(pieces).map(string));
  }
}

/** What stands between quotes. Our records have no quotes inside. */
const stringsOf = (data: string): readonly string[] =>
  [...data.matchAll(/"([^"]*)"/gu)].map(([, inner = ""]) => inner);

const pieces = (text: string): readonly string[] => text.match(/.{1,255}/gu) ?? [""];

const string = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16BE(value);
  return octets;
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

function uint48(value: number): Buffer {
  const octets = Buffer.alloc(6);
  octets.writeUIntBE(value, 0, 6);
  return octets;
}
