import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { binaryFromOctets, holdsNul, octetsFromBinary } from "../src/octets.ts";

/** Octets in the middle of others, as a view of a larger buffer has them. */
const viewed = fc
  .tuple(fc.uint8Array(), fc.uint8Array(), fc.uint8Array())
  .map(([before, octets, after]) => {
    const whole = Uint8Array.from([...before, ...octets, ...after]);
    return whole.subarray(before.length, before.length + octets.length);
  });

test("a binary string has one character for each octet, and gives all of them back", () => {
  fc.assert(
    fc.property(viewed, (octets) => {
      const binary = binaryFromOctets(octets);
      assert.deepEqual(
        Array.from(binary, (character) => character.charCodeAt(0)),
        Array.from(octets),
      );
      assert.equal(binaryFromOctets(Buffer.from(octets)), binary);
      assert.deepEqual(octetsFromBinary(binary), Uint8Array.from(octets));
    }),
  );
});

test("a NUL is found where there is one, and not in what lies beside", () => {
  fc.assert(
    fc.property(viewed, (octets) => {
      const holds = Array.from(octets).includes(0);
      assert.equal(holdsNul(octets), holds);
      assert.equal(holdsNul(Buffer.from(octets)), holds);
    }),
  );
});
