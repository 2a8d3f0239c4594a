import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { readProxyHeader } from "@posthouse/service";
import fc from "fast-check";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** A header of version 2 from its bytes 13 and 14, and what follows. */
function version2(command: number, family: number, block: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(block.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), length, block]);
}

const ipv4 = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0, 25]);
const ipv6 = Buffer.concat([
  Buffer.from("20010db8000000000000000000000007", "hex"),
  Buffer.from("20010db8000000000000000000000001", "hex"),
  Buffer.from([0xdc, 0x04, 0, 25]),
]);
const mapped = Buffer.concat([
  Buffer.from("00000000000000000000ffffc0000207", "hex"),
  ipv6.subarray(16),
]);

for (const [what, header, client] of [
  ["TCP4", "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", "192.0.2.7 56324"],
  ["the shortest TCP4", "PROXY TCP4 1.1.1.1 1.1.1.1 0 0\r\n", "1.1.1.1 0"],
  [
    "the longest TCP6",
    `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
    `${"ffff:".repeat(7)}ffff 65535`,
  ],
  ["TCP6", "PROXY TCP6 2001:DB8:0:0:0:0:0:7 2001:db8::1 56324 25\r\n", "2001:db8::7 56324"],
  ["IPv4 in TCP6", "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 25\r\n", "192.0.2.7 1"],
  ["UNKNOWN", "PROXY UNKNOWN\r\n", "none"],
  ["UNKNOWN with anything", "PROXY UNKNOWN a b TCP4 \t\r\n", "none"],
  ["binary TCP over IPv4", version2(0x21, 0x11, ipv4), "192.0.2.7 56324"],
  ["binary TCP over IPv6", version2(0x21, 0x21, ipv6), "2001:db8::7 56324"],
  ["binary IPv4 in IPv6", version2(0x21, 0x21, mapped), "192.0.2.7 56324"],
  [
    "binary with more behind the addresses",
    version2(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([4, 0, 3, 0, 0, 0])])),
    "192.0.2.7 56324",
  ],
  ["UDP over IPv4", version2(0x21, 0x12, ipv4), "none"],
  ["UDP over IPv6", version2(0x21, 0x22, ipv6), "none"],
  ["a Unix stream", version2(0x21, 0x31, Buffer.alloc(216, "/")), "none"],
  ["a Unix datagram", version2(0x21, 0x32, Buffer.alloc(216, "/")), "none"],
  ["unspecified", version2(0x21, 0x00, Buffer.alloc(0)), "none"],
  ["unspecified with anything", version2(0x21, 0x00, Buffer.alloc(40, 7)), "none"],
  ["LOCAL", version2(0x20, 0x00, Buffer.alloc(0)), "none"],
  ["LOCAL with addresses", version2(0x20, 0x11, ipv4), "none"],
  ["LOCAL with a family of the future", version2(0x20, 0x77, Buffer.alloc(5)), "none"],
] as const) {
  test(`${what} is read, whole and in any pieces, and no octet behind it`, () => {
    const octets = Buffer.from(header as string, "latin1");
    const expected = { kind: "complete", length: octets.length };
    const [address = "", port] = client.split(" ");
    const complete =
      client === "none" ? expected : { ...expected, client: { address, port: Number(port) } };
    assert.deepEqual(readProxyHeader(Buffer.concat([octets, Buffer.from("EHLO c\r\n")])), complete);
    for (let length = 0; length < octets.length; length++) {
      assert.deepEqual(readProxyHeader(octets.subarray(0, length)), { kind: "incomplete" });
    }
  });
}

for (const [what, header] of [
  ["another protocol", "EHLO client.example\r\n"],
  ["TLS", Buffer.from([0x16, 3, 1, 2, 0])],
  ["a small letter", "Proxy TCP4 192.0.2.7 198.51.100.1 56324 25\r\n"],
  ["two spaces", "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 25\r\n"],
  ["a space at the end", "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25 \r\n"],
  ["a protocol there is not", "PROXY UDP4 192.0.2.7 198.51.100.1 56324 25\r\n"],
  ["UNKNOWN and more letters", "PROXY UNKNOWNS\r\n"],
  ["no ports", "PROXY TCP4 192.0.2.7 198.51.100.1\r\n"],
  ["an address of the other family", "PROXY TCP4 2001:db8::7 2001:db8::1 1 25\r\n"],
  ["a destination of the other family", "PROXY TCP6 2001:db8::7 192.0.2.1 1 25\r\n"],
  ["a leading zero in an address", "PROXY TCP4 192.0.02.7 198.51.100.1 1 25\r\n"],
  ["a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 25\r\n"],
  ["an address in brackets", "PROXY TCP6 [2001:db8::7] [2001:db8::1] 1 25\r\n"],
  ["a name", "PROXY TCP4 localhost 198.51.100.1 1 25\r\n"],
  ["a leading zero in a port", "PROXY TCP4 192.0.2.7 198.51.100.1 01 25\r\n"],
  ["a port too high", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n"],
  ["a signed port", "PROXY TCP4 192.0.2.7 198.51.100.1 +1 25\r\n"],
  [
    "a lone LF, and a line without end",
    `PROXY TCP4 192.0.2.7 198.51.100.1 1 25\n${"x".repeat(90)}`,
  ],
  ["a line of 108 octets", `PROXY UNKNOWN ${"x".repeat(92)}\r\n`],
  ["a line without end", `PROXY UNKNOWN ${"x".repeat(100)}`],
  ["version 1 in binary", version2(0x11, 0x11, ipv4)],
  ["a command there is not", version2(0x22, 0x11, ipv4)],
  ["a family there is not", version2(0x21, 0x41, ipv4)],
  ["a transport there is not", version2(0x21, 0x13, ipv4)],
  ["IPv4 addresses too short", version2(0x21, 0x11, ipv4.subarray(1))],
  ["IPv6 addresses too short", version2(0x21, 0x21, ipv6.subarray(1))],
  ["Unix addresses too short", version2(0x21, 0x31, Buffer.alloc(215))],
  ["64 KiB", Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
] as const) {
  test(`${what} is no header`, () => {
    const header_ = Buffer.from(header as string, "latin1");
    assert.equal(readProxyHeader(header_).kind, "wrong");
  });
}

const part = fc.constantFrom(
  "PROXY",
  " ",
  "TCP4",
  "TCP6",
  "UNKNOWN",
  "192.0.2.7",
  "2001:db8::7",
  "::",
  "25",
  "65536",
  "\r\n",
  "\r",
  "\0",
);
const almost = fc.oneof(
  fc.array(part, { maxLength: 14 }).map((parts) => Buffer.from(`PROXY ${parts.join("")}`)),
  fc
    .tuple(fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 300 }))
    .map(([command, family, block]) => version2(command, family, block)),
  fc
    .tuple(fc.constantFrom(0x20, 0x21), fc.uint8Array({ maxLength: 60 }))
    .map(([command, rest]) => Buffer.concat([SIGNATURE, Buffer.from([command]), rest])),
  fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets)),
);

test("whatever comes is a header with an address, no header, or its beginning", () => {
  fc.assert(
    fc.property(almost, (octets) => {
      const header = readProxyHeader(octets);
      if (header.kind === "complete") {
        assert.ok(header.length <= octets.length && header.length >= 15);
        assert.deepEqual(readProxyHeader(octets.subarray(0, header.length)), header);
        if (header.client !== undefined) assert.notEqual(isIP(header.client.address), 0);
      }
      // Never more than so much is waited for.
      if (header.kind === "incomplete") assert.ok(octets.length < 4096);
      // What is wrong stays so, whatever follows.
      if (header.kind === "wrong") {
        const more = Buffer.concat([octets, Buffer.from("\r\n25\r\n")]);
        assert.equal(readProxyHeader(more).kind, "wrong");
      }
    }),
  );
});
