import assert from "node:assert/strict";
import { test } from "node:test";
import { DkimKeyStore, dnsRecordOf } from "@posthouse/dkim";
import { createResolver } from "@posthouse/dns";
import type { Envelope } from "@posthouse/smtp/envelope";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { activatePublished } from "../src/key-watch.ts";
import { mailHost } from "./mail-host.ts";
import { nameServer } from "./name-server.ts";
import { MESSAGE, remote, type SendingHost, sendingHost } from "./sending-host.ts";

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "elsewhere.example": { mx: ["10 mx2.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
  "mx2.there.example": { a: ["127.0.0.1"] },
};

const storeOf = ({ context }: SendingHost) =>
  new DkimKeyStore(context.config.smtpOut.dkimDirectory);

/** d= and the result of each signature, by mailauth and the records of the store. */
async function verified(store: DkimKeyStore, octets: string): Promise<string[]> {
  const records = new Map(
    (await store.list()).map(dnsRecordOf).map(({ name, text }) => [name, text]),
  );
  const { results } = await dkimVerify(Buffer.from(octets, "latin1"), {
    resolver: async (name: string) => {
      const text = records.get(name);
      if (text !== undefined) return [[text]];
      throw Object.assign(new Error(`No record ${name}`), { code: "ENOTFOUND" });
    },
  });
  return results.map((one) => `${one.algo} ${one.signingDomain} ${one.status.result}`).sort();
}

const bySomebodyHere: Partial<Envelope> = {
  reversePath: "ann@here.example",
  authenticatedAs: "ann@here.example",
};

test("mail of our people is signed with both keys of their domain", async () => {
  await using mx = await mailHost({ extensions: ["8BITMIME", "SIZE", "CHUNKING"] });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await storeOf(host).make({ domain: "here.example", isActive: true });
  await host.start();
  await host.enqueue({
    ...bySomebodyHere,
    recipients: [remote("bob@there.example"), remote("eve@elsewhere.example")],
  });
  await mx.received(2);
  const [first, second] = mx.messages;
  assert.ok(first?.octets.endsWith(MESSAGE) === true);
  assert.equal(first.octets, second?.octets);
  assert.match(first.mail, new RegExp(`SIZE=${first.octets.length}\\b`));
  assert.deepEqual(await verified(storeOf(host), first.octets), [
    "ed25519-sha256 here.example pass",
    "rsa-sha256 here.example pass",
  ]);
});

const unsigned = [
  { name: "mail from outside that is sent on", envelope: { reversePath: "ann@here.example" } },
  {
    name: "mail of a domain without keys",
    envelope: { authenticatedAs: "ann@nokeys.example", reversePath: "ann@nokeys.example" },
    octets: MESSAGE.replace("ann@here", "ann@nokeys"),
  },
];
for (const { name, envelope, octets } of unsigned) {
  test(`${name} is sent as it is`, async () => {
    await using mx = await mailHost();
    await using host = await sendingHost({ zone, mxPort: mx.port });
    await storeOf(host).make({ domain: "here.example", isActive: true });
    await host.start();
    await host.enqueue(envelope, octets);
    await mx.received(1);
    assert.equal(mx.messages[0]?.octets, octets ?? MESSAGE);
  });
}

test("who writes in the name of another domain of ours is signed for by his own", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const store = storeOf(host);
  await store.make({ domain: "here.example", algorithms: ["ed25519-sha256"], isActive: true });
  await store.make({ domain: "other.example", algorithms: ["ed25519-sha256"], isActive: true });
  await host.start();
  await host.enqueue({ authenticatedAs: "eve@other.example", reversePath: "eve@other.example" });
  await mx.received(1);
  assert.deepEqual(await verified(store, mx.messages[0]?.octets ?? ""), [
    "ed25519-sha256 other.example pass",
  ]);
});

test("a bounce is signed with the keys of our host's domain", async () => {
  await using mx = await mailHost({
    respond: (line) => (line.includes("nobody@") ? "550 5.1.1 No such user" : undefined),
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await storeOf(host).make({ domain: "example.test", isActive: true });
  await host.start();
  await host.enqueue({
    reversePath: "eve@elsewhere.example",
    recipients: [remote("nobody@there.example")],
  });
  await mx.received(1);
  const [bounce] = mx.messages;
  assert.match(bounce?.octets ?? "", /^From: Mail delivery <postmaster@mail\.example\.test>/m);
  assert.deepEqual(await verified(storeOf(host), bounce?.octets ?? ""), [
    "ed25519-sha256 example.test pass",
    "rsa-sha256 example.test pass",
  ]);
});

test("a new key signs when its record is in the DNS, and the one before it no more", async () => {
  await using host = await sendingHost({});
  const store = storeOf(host);
  await store.make({ domain: "here.example", isActive: true });
  const anew = await store.make({ domain: "here.example" });
  const [published, unpublished] = anew.map(dnsRecordOf);
  assert.ok(published && unpublished);
  await using names = await nameServer({
    [published.name]: { txt: ["hello", published.text] },
    [unpublished.name]: { txt: ["v=DKIM1; k=ed25519; p=AAAA"] },
  });
  const resolver = createResolver({ servers: [names.name] });
  await activatePublished({ keys: store, resolver, log: host.context.log });
  resolver.close();
  const states = (await store.list()).map(({ selector, state }) => `${state} ${selector}`);
  assert.deepEqual(states.map((text) => text.replace(/ph\d+/, "ph")).sort(), [
    "active ph-2-rsa",
    "active ph-ed25519",
    "retired ph-rsa",
    "waiting ph-2-ed25519",
  ]);
});
