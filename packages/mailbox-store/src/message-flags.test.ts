import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMaildirName, saveDateMsOfKey, sizesInKey } from "./maildir/maildir-name.ts";
import { flagsOfInfo, infoOfFlags } from "./message-flags.ts";

test("letters of other programs stay when flags change", () => {
  const known = (letter: string) => letter === "a";
  assert.equal(infoOfFlags(":2,PSXab", 2, [], known), ":2,FPXb");
  assert.equal(infoOfFlags("", 8, ["a"], known), ":2,Sa");
});

test("letters say flags, whatever their order, and unknown infos say none", () => {
  assert.deepEqual(flagsOfInfo(":2,TSRFDbaa"), { systemFlags: 31, keywordIndexes: [1, 0] });
  assert.deepEqual(flagsOfInfo(":1,S"), { systemFlags: 0, keywordIndexes: [] });
  assert.deepEqual(flagsOfInfo(""), { systemFlags: 0, keywordIndexes: [] });
});

test("a key gives its sizes and its date only when they are written as we write them", () => {
  const { key, info } = parseMaildirName("1276528487.M1P2.host,S=12,W=13:2,S");
  assert.deepEqual([key, info], ["1276528487.M1P2.host,S=12,W=13", ":2,S"]);
  assert.deepEqual(sizesInKey(key), { fileBytes: 12, crlfBytes: 13 });
  assert.equal(sizesInKey("1276528487.host,S=12"), undefined);
  assert.equal(saveDateMsOfKey(key), 1_276_528_487_000);
  assert.equal(saveDateMsOfKey("msg.abc"), undefined);
});
