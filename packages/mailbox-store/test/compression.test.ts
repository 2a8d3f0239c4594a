import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFile, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { type Mailbox, StoreError, type Uid } from "../src/index.ts";
import { ann, message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

const zstdMark = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const long = message("long", "All work and no play makes Jack a dull boy\r\n".repeat(20_000));

/** The one file of a directory of ann's account. */
async function onlyFile(files: TestStore, directory: string): Promise<string> {
  const [name, ...more] = await readdir(join(files.annPath, directory));
  assert.deepEqual(more, []);
  return join(files.annPath, directory, name ?? "");
}

async function octetsFrom(mailbox: Mailbox, uid: number, start: number, end: number) {
  await using stored = await mailbox.openMessage(uid as Uid);
  return Buffer.concat(await Array.fromAsync(stored.read(start, end)));
}

/** What hardly compresses, in any length. */
function noise(length: number): Buffer {
  return randomBytes(length).map((octet) => 33 + (octet % 90)) as Buffer;
}

test("a compressed message is one zstd file, and every size tells of the octets before", async () => {
  await using files = await TestStore.open({ compression: "zstd" });
  const account = await files.account();
  await account.deliver("INBOX", { octets: [long] }, "long");
  const path = await onlyFile(files, "new");
  const stored = await readFile(path);
  assert.deepEqual(stored.subarray(0, 4), zstdMark);
  assert.ok(stored.length < long.length / 10);
  assert.match(path, new RegExp(`,S=${long.length},W=${long.length}$`));
  assert.deepEqual(zstdDecompressSync(stored), long);
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual([...inbox.columns.sizes], [long.length]);
  assert.equal((await account.quota()).bytes, long.length);
  assert.deepEqual(await octetsOf(inbox, 1), long);
});

test("the option holds for new messages only, and both kinds stand side by side", async () => {
  await using files = await TestStore.open();
  const compressing = await files.account({ ...ann, compression: "zstd" });
  await compressing.append("Sent", [{ octets: [long] }]);
  const plain = await files.account(ann);
  await plain.append("Sent", [{ octets: [long] }]);
  await using sent = await plain.openMailbox("Sent");
  const [first, second] = (await Array.fromAsync(sent.summaries(uidsOf(sent) as Uid[]))).flat();
  assert.equal(first?.emailId, second?.emailId);
  assert.deepEqual(await octetsOf(sent, 1), await octetsOf(sent, 2));
  const directory = join(files.annPath, ".Sent", "cur");
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size),
  );
  assert.equal(sizes.filter((size) => size === long.length).length, 1);
});

test("any part of any message is read as it came in, compressed or not", async () => {
  await using files = await TestStore.open({ compression: "zstd" });
  const account = await files.account();
  const body = fc.oneof(
    fc.nat(1_000_000).map((length) => noise(length)),
    fc.nat(20_000).map((lines) => Buffer.from("Line after line\r\n".repeat(lines))),
  );
  await using sent = await account.openMailbox("Sent");
  await fc.assert(
    fc.asyncProperty(body, fc.nat(), fc.nat(), async (octets, a, b) => {
      const sent0 = Buffer.concat([message("any", ""), octets]).subarray(0, 1024 * 1024);
      const pieces = Array.from({ length: Math.ceil(sent0.length / 60_000) }, (_one, at) =>
        sent0.subarray(at * 60_000, (at + 1) * 60_000),
      );
      const { uids } = await account.append("Sent", [{ octets: pieces }]);
      await sent.sync(sent.columns);
      const uid = uids[0] ?? 0;
      const start = a % sent0.length;
      const end = start + (b % (sent0.length - start + 1));
      assert.ok((await octetsFrom(sent, uid, start, end)).equals(sent0.subarray(start, end)));
      assert.ok((await octetsOf(sent, uid)).equals(sent0));
    }),
    { numRuns: 25 },
  );
});

test("a message that begins like a compressed file comes out as it went in", async () => {
  for (const compression of ["none", "zstd"] as const) {
    await using files = await TestStore.open({ compression });
    const account = await files.account();
    const alike = [
      zstdCompressSync(Buffer.from("x")),
      gzipSync(long),
      Buffer.from("BZh91AY&SY: x\r\n\r\n"),
      Buffer.from([0x1f, 0x8b]),
      zstdMark,
    ].filter((octets) => !octets.includes(0));
    await account.append(
      "Sent",
      alike.map((octets) => ({ octets: [octets] })),
    );
    await using sent = await account.openMailbox("Sent");
    for (const [at, octets] of alike.entries()) {
      assert.deepEqual(await octetsOf(sent, at + 1), octets);
      assert.equal(sent.columns.sizes[at], octets.length);
    }
  }
});

test("what compression does not make smaller is stored as it is", async () => {
  await using files = await TestStore.open({ compression: "zstd" });
  const account = await files.account();
  await account.append("Sent", [{ octets: [message("short")] }]);
  assert.deepEqual(await readFile(await onlyFile(files, ".Sent/cur")), message("short"));
});

test("copies and moves keep the file, and a rebuilt index finds the same", async () => {
  await using files = await TestStore.open({ compression: "zstd" });
  const account = await files.account();
  await account.append("Sent", [{ octets: [long] }]);
  {
    await using sent = await account.openMailbox("Sent");
    await sent.copy([1] as Uid[], "Archive");
    await sent.move([1] as Uid[], "Trash");
  }
  const before = await Promise.all(["Archive", "Trash"].map((name) => snapshotOf(account, name)));
  await files.close();
  await files.removeIndex();
  const again = await files.account();
  for (const [at, name] of ["Archive", "Trash"].entries()) {
    assert.deepEqual(await snapshotOf(again, name), before[at]);
    await using mailbox = await again.openMailbox(name);
    assert.deepEqual(await octetsOf(mailbox, 1), long);
    const [summary] = (await Array.fromAsync(mailbox.summaries([1] as Uid[]))).flat();
    assert.match(Buffer.from(summary?.envelope ?? []).toString(), /"long"/);
  }
  assert.match(await onlyFile(files, ".Trash/cur"), new RegExp(`,S=${long.length},W=`));
});

test("files that other programs compressed are read, with or without sizes in their names", async () => {
  await using files = await TestStore.open();
  await (await files.account()).listMailboxes();
  const lf = Buffer.from(long.toString().replaceAll("\r\n", "\n"));
  const cur = join(files.annPath, "cur");
  const sizes = `,S=${lf.length},W=${long.length}`;
  await writeFile(join(cur, `1700000001.a.host${sizes}:2,S`), gzipSync(lf));
  await writeFile(join(cur, "1700000002.b.host:2,"), gzipSync(lf));
  await writeFile(join(cur, `1700000003.c.host${sizes}:2,`), zstdCompressSync(lf));
  await writeFile(join(cur, "1700000004.d.host:2,"), zstdCompressSync(long));
  const twoMembers = Buffer.concat([gzipSync(lf.subarray(0, 99)), gzipSync(lf.subarray(99))]);
  await writeFile(join(cur, `1700000005.e.host${sizes}:2,`), twoMembers);
  const twoFrames = Buffer.concat([
    zstdCompressSync(lf.subarray(0, 99)),
    zstdCompressSync(lf.subarray(99)),
  ]);
  await writeFile(join(cur, "1700000006.f.host:2,"), twoFrames);
  const account = await files.account();
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual([...inbox.columns.sizes], Array(6).fill(long.length));
  const summaries = (await Array.fromAsync(inbox.summaries(uidsOf(inbox) as Uid[]))).flat();
  assert.equal(new Set(summaries.map(({ emailId }) => emailId)).size, 1);
  for (const uid of uidsOf(inbox)) {
    assert.ok((await octetsOf(inbox, uid)).equals(long));
    assert.deepEqual(
      await octetsFrom(inbox, uid, 500_000, 500_009),
      long.subarray(500_000, 500_009),
    );
  }
  await inbox.copy([1] as Uid[], "Archive");
  assert.match(await onlyFile(files, ".Archive/cur"), new RegExp(`${sizes}:2,S$`));
});

test("a file that was compressed in its place is read under its old name", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.append("Sent", [{ octets: [long] }]);
  await using sent = await account.openMailbox("Sent");
  const path = await onlyFile(files, ".Sent/cur");
  const tmp = join(files.annPath, "tmp", "compressed");
  await writeFile(tmp, gzipSync(await readFile(path)));
  await rename(tmp, path);
  assert.deepEqual(await octetsFrom(sent, 1, 10, 1000), long.subarray(10, 1000));
});

test("what cannot be read is refused by name, and the messages around it are not", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.listMailboxes();
  const cur = join(files.annPath, "cur");
  const unreadable = {
    bzip2: Buffer.from("BZh91AY&SY\x00\x01"),
    xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
    lz4: Buffer.from("Dovecot-LZ4\x0d\x2a\x9b\xc5", "latin1"),
    bomb: zstdCompressSync(Buffer.alloc(200 * 1024 * 1024, "x")),
  };
  let seconds = 1_700_000_000;
  for (const octets of Object.values(unreadable)) {
    await writeFile(join(cur, `${seconds++}.x.host,S=900000000,W=900000000:2,`), octets);
  }
  // A name that promises little, of a file that gives a lot.
  await writeFile(join(cur, `${seconds++}.y.host,S=10,W=10:2,`), unreadable.bomb);
  const cut = zstdCompressSync(noise(200_000)).subarray(0, -20_000);
  await writeFile(join(cur, `${seconds++}.z.host,S=200000,W=200000:2,`), cut);
  await writeFile(join(cur, `${seconds++}.ok.host:2,`), message("ok"));
  await using inbox = await account.openMailbox("INBOX");
  const all = uidsOf(inbox) as Uid[];
  const summaries = (await Array.fromAsync(inbox.summaries(all))).flat();
  assert.deepEqual(
    summaries.map(({ uid }) => uid),
    [7],
  );
  for (const word of [/with bzip2/, /with xz/, /with lz4/, /becomes more than/, /damaged zstd/]) {
    assert.ok(files.logged.some((line) => word.test(line)));
  }
  for (const uid of [1, 2, 3, 4, 6]) {
    await assert.rejects(
      octetsOf(inbox, uid),
      (error) => error instanceof StoreError && error.code === "unreadable",
    );
  }
  assert.equal((await octetsOf(inbox, 5)).toString(), "x".repeat(10));
  assert.deepEqual(await octetsOf(inbox, 7), message("ok"));
});

test("any octets after a compressed file's mark are an answer or a refusal, and nothing else", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.append("Sent", [{ octets: [message("1")] }]);
  const path = await onlyFile(files, ".Sent/cur");
  await using sent = await account.openMailbox("Sent");
  const good = Buffer.concat([zstdCompressSync(long), gzipSync(long)]);
  const marks = [zstdMark, Buffer.from([0x1f, 0x8b]), Buffer.from([0x1f, 0x8b, 8, 0])];
  const anyFile = fc.oneof(
    fc
      .tuple(fc.constantFrom(...marks), fc.uint8Array({ maxLength: 200 }))
      .map((parts) => Buffer.concat(parts)),
    fc.tuple(fc.nat(good.length), fc.nat(255)).map(([at, octet]) => {
      const broken = Buffer.from(good);
      broken[at] = octet;
      return broken;
    }),
  );
  await fc.assert(
    fc.asyncProperty(anyFile, async (octets) => {
      const tmp = join(files.annPath, "tmp", "broken");
      await writeFile(tmp, octets);
      await copyFile(tmp, path);
      try {
        assert.ok((await octetsOf(sent, 1)).length <= message("1").length);
      } catch (error) {
        assert.ok(error instanceof StoreError && error.code === "unreadable", String(error));
      }
    }),
  );
});
