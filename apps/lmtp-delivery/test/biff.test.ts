import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { Biff } from "../src/biff.ts";

test("a delivery is told to comsat for accounts of Unix users, by the UID and the mailbox", async () => {
  const comsat = createSocket("udp4");
  comsat.bind(0, "127.0.0.1");
  await once(comsat, "listening");
  try {
    await using biff = new Biff({
      users: [
        { account: "Ann@example.org", user: "ann" },
        { account: "ann@example.org", user: "annie" },
      ],
      port: comsat.address().port,
    });
    const heard = async () => String(((await once(comsat, "message")) as [Buffer])[0]);
    const bob = { id: "b", address: "bob@example.org" };
    const ann = { id: "a", address: "ann@example.org" };
    biff.delivered(bob, "INBOX", 1);
    biff.delivered(ann, "INBOX", undefined);
    const first = heard();
    biff.delivered(ann, "INBOX", 12);
    assert.equal(await first, "ann@12");
    const next = heard();
    biff.delivered(ann, "Lists/dev", 3);
    assert.match(await next, /^annie@12$|^ann@3:Lists\/dev$/);
  } finally {
    comsat.close();
  }
});
