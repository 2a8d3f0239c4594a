import assert from "node:assert/strict";
import { test } from "node:test";
import { uidlFormat } from "./uidl-format.ts";

const parts = { uid: 26, uidValidity: 1_275_660_208, key: "1276533073.M24P36.Kurkku,S=13" };
const cases = [
  { format: "%v.%u", id: "1275660208.26" },
  { format: "%08Xu%08Xv", id: "0000001a4c0907b0" },
  { format: "%08Xv%08Xu", id: "4c0907b00000001a" },
  { format: "UID%u-%v", id: "UID26-1275660208" },
  { format: "%f", id: "1276533073.M24P36.Kurkku,S=13" },
  { format: "%Uf", id: "1276533073.M24P36.KURKKU,S=13" },
  { format: "%Lg", id: "1276533073.m24p36.kurkku,s=13" },
  { format: "%Mf", id: "55b173ff1b9350c6b624f948d9b4e062" },
];
for (const { format, id } of cases) {
  test(`a unique-id of the format ${format}`, () => {
    assert.equal(uidlFormat(format).idOf(parts), id);
    assert.equal(uidlFormat(format).needsKeys, /[fg]$/.test(format));
  });
}
