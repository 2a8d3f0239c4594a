import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Account } from "@posthouse/accounts";
import { type AccountMail, openMailStore, type Uid } from "@posthouse/mailbox-store";
import { configFromToml } from "@posthouse/service";
import { sweepStagings } from "../src/mail-staging.ts";
import { exportMail } from "../src/moving/export-mail.ts";
import { importMail } from "../src/moving/import-mail.ts";

const ann: Account = { id: "a1", address: "ann@example.test" };
const bob: Account = { id: "b1", address: "bob@example.test" };

async function place(t: TestContext) {
  const base = await mkdtemp(join(tmpdir(), "posthouse-moving-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const config = configFromToml(
    'hostname = "mail.test"\ndata_dir = "data"\n',
    join(base, "x.toml"),
  );
  for (const path of [config.paths.mail, config.paths.tmp]) await mkdir(path, { recursive: true });
  return { base, config };
}

type Place = Awaited<ReturnType<typeof place>>;

async function withMail<T>(
  { config }: Place,
  account: Account,
  work: (mail: AccountMail) => Promise<T>,
): Promise<T> {
  const options = { mailDirectory: config.paths.mail, messageBytesMax: 1e6, host: "mail.test" };
  await using store = await openMailStore(options);
  await using mail = await store.openAccount(account);
  return await work(mail);
}

const message = (n: number) =>
  `Subject: ${n}\r\nMessage-ID: <${n}@example.test>\r\n\r\nFrom ${n}\r\n`;
const DAY_MS = 86_400_000;

const fill = (at: Place) =>
  withMail(at, ann, async (mail) => {
    await mail.createMailbox("Old/Projects");
    for (const [name, numbers] of [
      ["INBOX", [1, 2]],
      ["Old/Projects", [3, 4]],
    ] as const) {
      await mail.append(
        name,
        numbers.map((n) => ({
          octets: [Buffer.from(message(n))],
          systemFlags: n % 2 === 0 ? (["\\Seen", "\\Flagged"] as const) : [],
          internalDateMs: Date.UTC(2026, 0, 1) + n * DAY_MS,
        })),
      );
    }
  });

const told = (mail: AccountMail) => async (name: string) => {
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  await mailbox.sync(mailbox.columns);
  const { uids, systemFlags, internalDatesMs } = mailbox.columns;
  const rows: [string, number, number][] = [];
  for (const [at, uid] of uids.entries()) {
    await using stored = await mailbox.openMessage(uid as Uid);
    let text = "";
    for await (const piece of stored.read()) text += Buffer.from(piece).toString();
    rows.push([
      text,
      systemFlags[at] ?? 0,
      ((internalDatesMs[at] ?? 0) - Date.UTC(2026, 0, 1)) / DAY_MS,
    ]);
  }
  return rows;
};

for (const format of ["maildir", "mbox"] as const) {
  test(`what is exported as ${format} is imported by another account as it was`, async (t) => {
    const at = await place(t);
    await fill(at);
    const directory = join(at.base, "out");
    const { path, results } = await exportMail({
      config: at.config,
      account: ann,
      directory,
      format,
      copy: {},
    });
    assert.equal(path, join(directory, "example.test/ann"));
    assert.deepEqual(
      results.map(({ mailbox, copied }) => [mailbox, copied]),
      [
        ["INBOX", 2],
        ["Old/Projects", 2],
      ],
    );
    const names = await readdir(path);
    assert.ok(!names.some((name) => name.includes("sqlite")), names.join());
    if (format === "mbox")
      assert.match(await readFile(join(path, "mbox"), "latin1"), /^From .*\n[\s\S]*\n>From 1/);
    await assert.rejects(
      exportMail({ config: at.config, account: ann, directory, format, copy: {} }),
      /is not empty: name an empty directory/,
    );
    if (format === "mbox") return;
    const once = await importMail({ config: at.config, source: path, into: bob, copy: {} });
    assert.deepEqual(
      once.results.map(({ copied }) => copied),
      [2, 2],
    );
    const again = await importMail({ config: at.config, source: path, into: bob, copy: {} });
    assert.deepEqual(
      again.results.map(({ copied, there }) => [copied, there]),
      [
        [0, 2],
        [0, 2],
      ],
    );
    await withMail(at, bob, async (mail) => {
      assert.deepEqual(await told(mail)("INBOX"), [
        [message(1), 0, 1],
        [message(2), 8 | 2, 2],
      ]);
      assert.deepEqual(await told(mail)("Old/Projects"), [
        [message(3), 0, 3],
        [message(4), 8 | 2, 4],
      ]);
    });
    assert.deepEqual(await readdir(at.config.paths.tmp), []);
  });
}

test("one mbox file is imported into the mailbox that is named, and a part of an account is exported", async (t) => {
  const at = await place(t);
  await fill(at);
  const file = join(at.base, "old.mbox");
  await writeFile(
    file,
    "From x@y.test Thu Jan  1 00:00:00 2026\nSubject: 7\n\nseven\n\nFrom x@y.test Fri Jan  2 00:00:00 2026\nSubject: 8\nStatus: RO\n\neight\n",
  );
  const nameIn = (name: string) => (name === "INBOX" ? "Took" : `Took/${name}`);
  const { results } = await importMail({
    config: at.config,
    source: file,
    into: ann,
    copy: { nameIn },
  });
  assert.deepEqual(results, [{ mailbox: "Took", copied: 2, there: 0 }]);
  await withMail(at, ann, async (mail) => {
    const rows = await told(mail)("Took");
    assert.deepEqual(
      rows.map(([text, flags]) => [text.split("\r\n")[0], flags]),
      [
        ["Subject: 7", 0],
        ["Subject: 8", 8],
      ],
    );
  });
  const part = await exportMail({
    config: at.config,
    account: ann,
    directory: join(at.base, "part"),
    format: "maildir",
    copy: {
      mailbox: "Old",
      sinceMs: Date.UTC(2026, 0, 5),
      beforeMs: Date.UTC(2026, 0, 6),
    },
  });
  assert.deepEqual(part.results, [{ mailbox: "Old/Projects", copied: 1, there: 0 }]);
  await assert.rejects(
    importMail({ config: at.config, source: join(at.base, "none"), into: ann, copy: {} }),
    /There is no ".*none"/,
  );
  // Of one mbox nothing is said about INBOX, which it does not become, nor about UIDs, which are new anyway.
  const cut = join(at.base, "cut.mbox");
  await writeFile(cut, "From x@y.test Thu Jan  1 00:00:00 2026\nSubject: 7\n");
  const { remarks } = await importMail({ config: at.config, source: cut, into: ann, copy: {} });
  assert.deepEqual(remarks, [
    `"${cut}" ends inside the header of a message: that much of it is taken`,
  ]);
  await assert.rejects(
    importMail({ config: at.config, source: file, into: ann, copy: { mailbox: "Nope" } }),
    /^CommandFailure: There is no mailbox "Nope"; there is INBOX$/,
  );
  await mkdir(join(at.base, "nothing"));
  await assert.rejects(
    importMail({ config: at.config, source: join(at.base, "nothing"), into: ann, copy: {} }),
    (error: Error) => /StoreError|CommandFailure/.test(error.name),
  );
  assert.deepEqual(await readdir(at.config.paths.tmp), []);
});

test("what a killed command staged is removed, and what a running one stages is not", async (t) => {
  const { base } = await place(t);
  const gone = await new Promise<number>((resolve) => {
    const child = spawn("true");
    child.once("exit", () => resolve(child.pid ?? 0));
  });
  const names = [`staging-${gone}-abcdef`, `staging-${process.pid}-abcdef`, "staging-x", "other"];
  const directory = join(base, "swept");
  for (const name of names) await mkdir(join(directory, name, "mail"), { recursive: true });
  sweepStagings(directory);
  assert.deepEqual(new Set(await readdir(directory)), new Set(names.slice(1)));
});
