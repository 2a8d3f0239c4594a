import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccountRef } from "../../src/index.ts";
import { TestStore } from "../store-for-tests.ts";
import { holdKilledWorkToModel } from "./killed-work.ts";
import { StoreModel } from "./store-model.ts";
import { accounts, look, openStore, type StoreOrder } from "./store-traffic.ts";

/** Hundreds of kills are in e2e/long/store-kills.test.ts. */
test("random work of two processes that are killed leaves what the model says", async (t) => {
  await holdKilledWorkToModel(t, { kills: 3, seed: 1 });
});

test("a mailbox that was deleted before is not missed when one below it was being made", async () => {
  await using files = await TestStore.open();
  const model = new StoreModel();
  const of = (mailbox: string) => ({ account: 2, mailbox });
  const begin = (start: StoreOrder) => model.note({ actor: 4, start });
  const done = () => model.note({ actor: 4, done: { uids: [], uidValidity: 0 } });
  {
    await using store = await openStore(files.mailDirectory);
    await using mail = await store.openAccount(accounts[2] as AccountRef);
    begin({ do: "create", ...of("Actor4/a") });
    await mail.createMailbox("Actor4/a");
    done();
    begin({ do: "delete", ...of("Actor4") });
    await mail.deleteMailbox("Actor4");
    done();
  }
  // Cut off before anything of it was done.
  begin({ do: "create", ...of("Actor4/a/c") });
  const circumstances = { isIndexLost: false, mayRenumber: false };
  assert.deepEqual(model.problemsOf(await look(files.mailDirectory), circumstances), []);
});

test("a mailbox whose creation was acknowledged is missed, whatever was being made below it", async () => {
  await using files = await TestStore.open();
  const model = new StoreModel();
  const seen = await look(files.mailDirectory);
  model.note({ actor: 4, start: { do: "create", account: 2, mailbox: "Actor4/a" } });
  model.note({ actor: 4, done: { uids: [], uidValidity: 0 } });
  model.note({ actor: 4, start: { do: "create", account: 2, mailbox: "Actor4/a/c" } });
  const below = { account: 2, name: "Actor4/a", specialUse: "", comment: "" };
  const problems = model.problemsOf(
    { ...seen, mailboxes: [...seen.mailboxes, below] },
    { isIndexLost: false, mayRenumber: false },
  );
  assert.equal(problems[0], "the mailbox 2 Actor4 is lost");
});
