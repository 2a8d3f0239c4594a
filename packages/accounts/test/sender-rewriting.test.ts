import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SenderRewriting } from "../src/address/sender-rewriting.ts";

const DAY_MS = 24 * 3600 * 1000;
const KEY = Buffer.alloc(32, 7);
const clock = { ms: 20_000 * DAY_MS };
const ours = new SenderRewriting(KEY, () => clock.ms);
const theirs = new SenderRewriting(Buffer.alloc(32, 8), () => clock.ms);

const localOf = (address = ""): string => address.slice(0, address.lastIndexOf("@"));
const wayBack = (address = ""): string | undefined => ours.reverse(localOf(address));

describe("a rewritten sender", () => {
  test("leads back to the sender that it stands for, in whatever letter case it comes back", () => {
    const rewritten = ours.forward("Sam+x", "shop.example", "ours.example");
    assert.match(
      rewritten ?? "",
      /^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=shop\.example=Sam\+x@ours\.example$/,
    );
    assert.equal(wayBack(rewritten), "Sam+x@shop.example");
    assert.equal(wayBack(rewritten?.toUpperCase()), "SAM+X@SHOP.EXAMPLE");
    assert.equal(wayBack(rewritten?.toLowerCase()), "sam+x@shop.example");
  });

  test("that was forwarded before leads back to its first forwarder, over any number of others", () => {
    const first = theirs.forward("sam", "shop.example", "first.example") ?? "";
    const second = ours.forward(localOf(first), "first.example", "second.example") ?? "";
    assert.match(second, /^SRS1=[a-z2-7]{8}=first\.example==[a-z2-7]{8}=/);
    assert.equal(wayBack(second), first);
    const third = ours.forward(localOf(second), "second.example", "third.example") ?? "";
    assert.equal(wayBack(third), first);
    assert.equal(third.length - "third.example".length, second.length - "second.example".length);
  });

  test("leads nowhere after three weeks, changed, or made by others", () => {
    const rewritten = ours.forward("sam", "shop.example", "ours.example") ?? "";
    const local = localOf(rewritten);
    assert.equal(ours.reverse(local.replace("sam", "tom")), undefined);
    assert.equal(ours.reverse(local.replace("shop", "bank")), undefined);
    assert.equal(ours.reverse(localOf(theirs.forward("sam", "shop.example", "x"))), undefined);
    for (const nonsense of [
      "SRS0=",
      "SRS0=x=y",
      "SRS1=aaaaaaaa==b",
      "srs0",
      "SRS2=a=b=c=d",
      `SRS0=${"\u017f".repeat(8)}=aa=b=c`,
    ]) {
      assert.equal(ours.reverse(nonsense), undefined, nonsense);
    }
    const before = clock.ms;
    clock.ms += 21 * DAY_MS;
    assert.equal(ours.reverse(local), "sam@shop.example");
    clock.ms += DAY_MS;
    assert.equal(ours.reverse(local), undefined);
    clock.ms = before;
  });

  test("stays as it was where it would be no address", () => {
    assert.equal(ours.forward('"a b"', "shop.example", "ours.example"), undefined);
    assert.equal(ours.forward("x".repeat(250), "shop.example", "ours.example"), undefined);
  });

  test("never leads anywhere but where it came from, whatever is written", () => {
    const local = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,60}$/);
    fc.assert(
      fc.property(local, fc.domain(), (name, domain) => {
        const rewritten = ours.forward(name, domain, "ours.example");
        if (rewritten === undefined) return;
        const back = wayBack(rewritten);
        // A name that itself looks rewritten leads back to where it says it came from first.
        if (!/^SRS[01][=+-]/i.test(name)) assert.equal(back, `${name}@${domain}`);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void ours.reverse(`SRS0=${text}`)));
    fc.assert(fc.property(fc.string(), (text) => void ours.reverse(`SRS1=${text}`)));
  });
});
