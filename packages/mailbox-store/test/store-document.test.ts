import assert from "node:assert/strict";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { accountPath } from "../src/account-path.ts";
import {
  type AccountMail,
  type Mailbox,
  type MailboxFormat,
  StoreError,
  type SystemFlag,
  systemFlagBits,
  type Uid,
} from "../src/index.ts";
import { pathOfAddress, type ReadMailbox, readAccount } from "./second-reader.ts";
import { ann, octetsOf, TestStore } from "./store-for-tests.ts";

const flags = Object.keys(systemFlagBits) as SystemFlag[];
const keywords = Array.from({ length: 34 }, (_, at) => `Keyword${at}`);
const names = [
  "INBOX",
  "Archive/2026",
  "A.b/~c",
  "Entwürfe & Co",
  "100%2E/100%",
  "%7E/%7e~",
  "日本語/a\\b\"c'd e",
  "-_&-",
];
const entries = ["/shared/comment", "/private/vendor/x y", "/private/comment"];

const line = fc.constantFrom("Hello", "From here", ">From there", "", " indented", "é ".repeat(40));
const octets = fc
  .record({
    header: fc.subarray([
      "Subject: a test",
      "Message-ID: <one@example.org>",
      "In-Reply-To: < two@example.org >",
      "References: <three@example.org>\r\n <four@example.org>",
    ]),
    lines: fc.array(line, { maxLength: 6 }),
    lineEnd: fc.constantFrom("\r\n", "\r\n", "\r\n", "\n"),
    // Of one frame, of some.
    bodyBytes: fc.constantFrom(0, 0, 0, 0, 0, 100_000, 500_000),
  })
  .map(({ header, lines, lineEnd, bodyBytes }) => {
    const body = lines.map((one) => one + lineEnd).join("");
    const times = Math.floor(bodyBytes / Math.max(Buffer.byteLength(body), 1));
    return Buffer.from([...header, "", body.repeat(Math.max(times, 1))].join("\r\n"));
  });

const someFlags = { systemFlags: fc.subarray(flags), keywords: fc.subarray(keywords) };
const mailboxName = fc.constantFrom(...names);
const which = fc.array(fc.nat(9), { maxLength: 4 });

/** Things to be done to an account; which messages of a mailbox, by place. */
const deed = fc.oneof(
  fc.record({
    kind: fc.constant("append" as const),
    name: mailboxName,
    octets,
    isCompressed: fc.boolean(),
    isDelivery: fc.boolean(),
    ...someFlags,
    dateMs: fc.option(fc.integer({ min: -(10 ** 11), max: 10 ** 12 }), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("flags" as const),
    name: mailboxName,
    which,
    mode: fc.constantFrom("add" as const, "remove" as const, "replace" as const),
    ...someFlags,
  }),
  fc.record({
    kind: fc.constant("copy" as const),
    name: mailboxName,
    which,
    to: mailboxName,
    isMove: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("expunge" as const), name: mailboxName, which }),
  fc.record({ kind: fc.constant("recent" as const), name: mailboxName }),
  fc.record({ kind: fc.constant("subscribe" as const), name: mailboxName }),
  fc.record({
    kind: fc.constant("annotate" as const),
    name: fc.option(mailboxName, { nil: undefined }),
    entry: fc.constantFrom(...entries),
    value: fc.option(fc.uint8Array({ maxLength: 9 }), { nil: undefined }),
    user: fc.constantFrom("", "bob smith", "100%"),
  }),
  fc.record({
    kind: fc.constant("allow" as const),
    name: mailboxName,
    identifier: fc.constantFrom("bob smith", "-é%"),
    rights: fc.constantFrom("lrs", ""),
  }),
  fc.record({
    kind: fc.constant("foreign" as const),
    octets,
    form: fc.constantFrom("plain", "gzip", "sizes"),
  }),
);
type Deed = typeof deed extends fc.Arbitrary<infer One> ? One : never;

class Doer {
  readonly #files: TestStore;
  readonly #plain: AccountMail;
  readonly #compressing: AccountMail;
  readonly #format: MailboxFormat;
  #deeds = 0;

  constructor(
    files: TestStore,
    plain: AccountMail,
    compressing: AccountMail,
    format: MailboxFormat,
  ) {
    this.#files = files;
    this.#plain = plain;
    this.#compressing = compressing;
    this.#format = format;
  }

  async do(one: Deed): Promise<void> {
    this.#deeds += 1;
    switch (one.kind) {
      case "append":
        return this.#append(one);
      case "subscribe":
        return this.#plain.setSubscribed(one.name, true);
      case "annotate": {
        const { name, entry, value, user } = one;
        const change = value === undefined ? { entry } : { entry, value };
        return this.#plain.setAnnotations(name, [change], user === "" ? {} : { user });
      }
      case "allow": {
        const { name, identifier, rights } = one;
        return this.#plain.setRights(name, identifier, { mode: "replace", rights });
      }
      case "foreign":
        if (this.#format === "maildir") await this.#putFile(one.octets, one.form);
        return;
      case "recent":
      case "flags":
      case "expunge":
      case "copy":
        return this.#change(one);
    }
  }

  async #change(
    one: Extract<Deed, { kind: "recent" | "flags" | "expunge" | "copy" }>,
  ): Promise<void> {
    await using mailbox = await this.#plain.openMailbox(one.name);
    if (one.kind === "recent") {
      await mailbox.claimRecent();
      return;
    }
    const uids = one.which.flatMap((at) => mailbox.columns.uids[at] ?? []) as Uid[];
    if (one.kind === "flags") await mailbox.changeFlags(uids, one);
    else if (one.kind === "expunge") await mailbox.expunge(uids);
    else if (one.isMove && one.to !== one.name) await mailbox.move(uids, one.to);
    else await mailbox.copy(uids, one.to);
  }

  async #append(one: Extract<Deed, { kind: "append" }>): Promise<void> {
    const account = one.isCompressed ? this.#compressing : this.#plain;
    const { octets: message, systemFlags, keywords: words, dateMs } = one;
    const date = dateMs === undefined ? {} : { internalDateMs: dateMs };
    if (one.isDelivery) {
      await account.deliver(one.name, { octets: [message], ...date }, `${this.#deeds}`);
    } else {
      await account.append(one.name, [
        { octets: [message], systemFlags, keywords: words, ...date },
      ]);
    }
  }

  /** As another program delivers: a key of its own, perhaps with sizes, perhaps compressed. */
  async #putFile(message: Buffer, form: string): Promise<void> {
    const lf = Buffer.from(message.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
    const crlfBytes = lf.toString("latin1").replaceAll("\n", "\r\n").length;
    const sizes = form === "sizes" ? `,S=${lf.length},W=${crlfBytes}` : "";
    const key = `170000000${this.#deeds % 10}.${this.#deeds} %25.host${sizes}`;
    const path = join(this.#files.annPath, "new", key);
    await writeFile(path, form === "gzip" ? gzipSync(lf) : lf);
    await utimes(path, 1_600_000_000, 1_600_000_000 + this.#deeds);
    await using inbox = await this.#plain.openMailbox("INBOX");
    await inbox.sync(inbox.columns);
  }
}

/** What the store says of a mailbox, in the words of the other reader. */
async function told(account: AccountMail, name: string): Promise<ReadMailbox> {
  await using mailbox = await account.openMailbox(name, { readOnly: true });
  const { columns } = mailbox;
  const recent = await mailbox.claimRecent();
  const messages = await Promise.all(
    Array.from(columns.uids, async (uid, at) => ({
      uid,
      isRecent: recent.has(uid),
      flags: flags
        .filter((flag) => ((columns.systemFlags[at] ?? 0) & systemFlagBits[flag]) !== 0)
        .sort(),
      keywords: [...(columns.keywordSets[columns.keywordSet[at] ?? 0] ?? [])].sort(),
      internalDateMs: columns.internalDatesMs[at] ?? 0,
      saveDateMs: columns.saveDatesMs[at] ?? 0,
      octets: await octetsOf(mailbox, uid),
      ...(await idsOf(mailbox, uid as Uid)),
    })),
  );
  const infos = await account.listMailboxes();
  const annotations: string[] = [];
  for (const user of ["", "bob smith", "100%"]) {
    const { found } = await account.annotations(name, {
      entries,
      ...(user === "" ? {} : { user }),
    });
    for (const { entry, value } of found) {
      const owner = entry.startsWith("/private/") ? user : "";
      annotations.push(`${entry} ${owner} ${Buffer.from(value).toString("hex")}`);
    }
  }
  return {
    id: mailbox.mailboxId,
    uidValidity: mailbox.uidValidity,
    uidNextAtMost: mailbox.uidNext,
    specialUse: infos.find((info) => info.name === name)?.specialUse ?? [],
    annotations: [...new Set(annotations)].sort(),
    rights: (await account.rights(name)).map((row) => `${row.identifier} ${row.rights}`).sort(),
    messages,
  };
}

async function idsOf(mailbox: Mailbox, uid: Uid): Promise<{ emailId: string; threadId: string }> {
  const [[summary] = []] = await Array.fromAsync(mailbox.summaries([uid]));
  return { emailId: summary?.emailId ?? "", threadId: summary?.threadId ?? "" };
}

for (const format of ["maildir", "mbox"] as const) {
  test(`a reader written from docs/store.md reads in a ${format} what the store says is there`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 25, maxLength: 50 }), async (deeds) => {
        await using files = await TestStore.open({}, format);
        const plain = await files.account();
        const compressing = await files.account({ ...ann, compression: "zstd" });
        for (const name of names.slice(1)) await plain.createMailbox(name);
        const doer = new Doer(files, plain, compressing, format);
        for (const one of deeds) await doer.do(one);
        const infos = (await plain.listMailboxes()).filter(({ exists }) => exists);
        const expected = new Map<string, ReadMailbox>();
        for (const { name } of infos) expected.set(name, await told(plain, name));
        await files.close();
        await files.removeIndex();

        const read = readAccount(files.annPath);
        assert.equal(read.id, ann.id);
        assert.deepEqual([...read.mailboxes.keys()].sort(), [...expected.keys()].sort());
        for (const [name, mailbox] of expected) {
          const { uidNextAtMost, annotations, rights, ...rest } = read.mailboxes.get(
            name,
          ) as ReadMailbox;
          assert.ok(uidNextAtMost >= mailbox.uidNextAtMost, `UIDNEXT of ${name}`);
          assert.deepEqual(
            {
              ...rest,
              uidNextAtMost: mailbox.uidNextAtMost,
              annotations: [...annotations].sort(),
              rights: [...rights].sort(),
            },
            { ...mailbox, specialUse: mailbox.specialUse },
            name,
          );
        }
        const subscribed = infos.filter(({ isSubscribed }) => isSubscribed).map(({ name }) => name);
        assert.deepEqual([...read.subscribed].sort(), subscribed.sort());
      }),
      { numRuns: 4 },
    );
  });
}

test("an account is where docs/store.md says", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (local) => {
      const address = `${local}@Example.ORG`;
      let path: string;
      try {
        path = accountPath("/mail", address);
      } catch (error) {
        assert.ok(error instanceof StoreError);
        return;
      }
      assert.equal(path, join("/mail", pathOfAddress(address)));
    }),
  );
});
