import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AdminClient } from "@posthouse/accounts";
import { administer } from "../src/administration.ts";
import { localBanner } from "../src/local/banner.ts";
import { localToml } from "../src/local/local-config.ts";
import { localPeople } from "../src/local/local-people.ts";

test("two people are made in a new directory, and not again once they have another domain", async () => {
  const data = await mkdtemp(join(tmpdir(), "posthouse-local-people-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(data, { recursive: true, force: true }));
  await writeFile(join(data, "posthouse.toml"), localToml);
  const people = (admin: AdminClient) => localPeople(admin, data);
  await administer({ data }, async (admin) => {
    const addresses = ["alice@example.test", "bob@example.test"];
    await admin.addDomain("example.test");
    // Killed between the two: the mark is there, and one of them.
    const [alice = ""] = addresses;
    await admin.addAccount({ address: alice, password: "posthouse" });
    await writeFile(join(data, "posthouse-local-making"), "");
    assert.deepEqual(await people(admin), { addresses, areNew: true });
    assert.deepEqual(await people(admin), { addresses, areNew: false });
    await admin.beginRename("bob@example.test", "carol@example.test");
    await admin.finishRename("bob@example.test", { keepsAlias: false });
    await admin.beginDomainRename("example.test", "example.org");
    await admin.finishDomainRename("example.test", "example.org", { keepsAlias: true });
    assert.deepEqual(await people(admin), {
      addresses: ["alice@example.org", "carol@example.org"],
      areNew: false,
    });
  });
});

const both = ["alice@example.test", "bob@example.test"];
const banners = [
  { addresses: both, areNew: true, says: /alice@example\.test {3}password {2}posthouse\n/ },
  { addresses: both, areNew: false, says: /is posthouse, unless it was changed\.\n/ },
  { addresses: ["ann@example.org"], areNew: false, says: /here:\n\n {2}ann@example\.org\n\n/ },
  { addresses: [], areNew: false, says: /Nobody has mail here yet/ },
];
for (const { says, ...people } of banners) {
  test(`the banner names who is there: ${people.addresses.join(", ")} ${people.areNew}`, () => {
    const banner = localBanner([], { dataDir: "/tmp/try", isSending: false, people });
    assert.match(banner, says);
    const isKnown = people.addresses.length === 2;
    assert.equal(banner.includes("bob@example.test:posthouse"), isKnown);
    assert.equal(banner.includes("alice@example.test"), isKnown);
  });
}
