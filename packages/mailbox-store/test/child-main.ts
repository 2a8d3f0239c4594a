import { type Mailbox, openMailStore, type Uid } from "../src/index.ts";
import type { ChildAnswer, ChildOrder } from "./child-store.ts";
import { ann, message } from "./store-for-tests.ts";

/** A process of the tests that works on a mail directory as it is told: child-main.ts DIRECTORY [CRASH POINT [DAYS]] */
const [, , mailDirectory = "", crashAt, expungedDays] = process.argv;
const store = await openMailStore({
  mailDirectory,
  messageBytesMax: 1024 * 1024,
  host: "child.example.org",
  ...(crashAt === undefined ? {} : { crashAt }),
  ...(expungedDays === undefined ? {} : { expungedDays: Number(expungedDays) }),
});
const account = await store.openAccount(ann);
const held: AsyncDisposable[] = [];

async function obey(order: ChildOrder): Promise<number> {
  switch (order.do) {
    case "deliver":
      await Promise.all(
        order.subjects.map((subject) =>
          account.deliver("INBOX", { octets: [message(subject)] }, subject),
        ),
      );
      return order.subjects.length;
    case "append":
      await account.append(
        order.to,
        order.subjects.map((subject) => ({ octets: [message(subject)] })),
      );
      return order.subjects.length;
    case "lock": {
      const lock = await account.lockMaildrop();
      if (lock !== undefined) held.push(lock);
      return lock === undefined ? 0 : 1;
    }
    case "fill":
      await account.fillSearchText();
      return 1;
    case "create":
      await account.createMailbox(order.name);
      return 1;
    case "delete":
      await account.deleteMailbox(order.name);
      return 1;
    case "rename":
      await account.renameMailbox(order.name, order.to);
      return 1;
    case "replace": {
      await using inbox = await account.openMailbox("INBOX");
      await inbox.replace(order.uid as Uid, order.to, { octets: [message(order.subject)] });
      return 1;
    }
    case "undelete": {
      const all = await account.listExpunged();
      for (const { kind, id, mailbox } of all) {
        if (kind === "mailbox") await account.restoreMailbox(id, mailbox);
      }
      const ids = all.filter(({ kind }) => kind === "message").map(({ id }) => id);
      return ids.length === 0 ? 0 : account.restoreExpunged(ids, "INBOX");
    }
    case "annotate": {
      const value = Buffer.from("mine");
      await account.setAnnotations(order.name, [{ entry: "/private/comment", value }]);
      return 1;
    }
    case "rights":
      await account.setRights(order.name, "bob", { mode: "replace", rights: "lrs" });
      return 1;
    case "see": {
      await using inbox = await account.openMailbox("INBOX", { user: "bob" });
      const change = { mode: "add", systemFlags: ["\\Seen"], keywords: [] } as const;
      await inbox.changeFlags(order.uids as Uid[], change);
      return order.uids.length;
    }
    case "sharer":
      await account.setSharer(order.address, true);
      return 1;
    case "repair":
      return (await account.check({ repair: true })).length;
    case "copy":
    case "move":
    case "flag":
    case "expunge": {
      await using inbox = await account.openMailbox("INBOX");
      await changeMessages(inbox, order);
      return order.uids.length;
    }
  }
}

async function changeMessages(
  inbox: Mailbox,
  order: Exclude<Extract<ChildOrder, { readonly uids: readonly number[] }>, { do: "see" }>,
): Promise<void> {
  const uids = order.uids as Uid[];
  if (order.do === "copy") await inbox.copy(uids, order.to);
  else if (order.do === "move") await inbox.move(uids, order.to);
  else if (order.do === "expunge") await inbox.expunge(uids);
  else
    await inbox.changeFlags(uids, { mode: "add", systemFlags: ["\\Flagged"], keywords: ["todo"] });
}

process.on("message", (order: ChildOrder) => {
  const answer: Promise<ChildAnswer> = obey(order).then(
    (done) => ({ done }),
    (error: unknown) => ({ failed: String(error) }),
  );
  void answer.then((one) => process.send?.(one));
});
process.on("disconnect", () => {
  void store[Symbol.asyncDispose]();
});
process.send?.("ready");
