import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CrlfConverter } from "./crlf.ts";

test("every lone LF becomes CRLF, however the octets are cut", () => {
  const text = fc.array(fc.constantFrom("\r", "\n", "\r\n", "a", "bc")).map((all) => all.join(""));
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 3 })), (whole, cuts) => {
      const converter = new CrlfConverter();
      const converted: Uint8Array[] = [];
      let at = 0;
      for (const length of [...cuts, whole.length]) {
        converted.push(converter.convert(Buffer.from(whole.slice(at, at + length))));
        at += length;
      }
      assert.equal(Buffer.concat(converted).toString(), whole.replace(/(?<!\r)\n/g, "\r\n"));
    }),
  );
});
