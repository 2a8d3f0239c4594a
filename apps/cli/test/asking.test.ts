import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DkimKeyStore } from "@posthouse/dkim";
import { openQueue, openQueueWriter } from "@posthouse/queue";
import { type Config, exitCodes, loadConfig } from "@posthouse/service";
import type { Command } from "commander";
import { administer } from "../src/administration.ts";
import { openRepository } from "../src/backup/repository.ts";
import { CommandFailure, sentenceOf } from "../src/command-failure.ts";
import { program, wordsOf } from "../src/program.ts";

/** What asks, as it is typed when it has to. */
const asks = [
  "setup ann@example.org --apply 127.0.0.1 --replace",
  "tls renew --new-key --at-once",
  "domain remove example.org",
  "domain rename example.org example.net",
  "domain alias remove example.net",
  "account retention ann@example.org yes",
  "account rename ann@example.org anne@example.org",
  "account remove ann@example.org",
  "account remove ann@example.org --now",
  "account restore ann@example.org",
  "account webhook remove ann@example.org",
  "app-password revoke ann@example.org scanner",
  "apop-secret remove ann@example.org",
  "alias remove info@example.org",
  "alias remove info@example.org ann@example.org",
  "alias except remove trap@example.org",
  "list remove choir@example.org",
  "list member remove choir@example.org ann@example.org",
  "list owner remove choir@example.org ann@example.org",
  "list poster remove choir@example.org ann@example.org",
  "sender revoke ann@example.org office@example.org",
  "dkim retire example.org one",
  "dkim remove example.org one",
  "backup create DIRECTORY/backup --keep 1",
  "upgrade",
  "rollback",
  "restore DIRECTORY/backup ann@example.org",
  "restore DIRECTORY/backup --everything",
  "mailbox adopt ann@example.org DIRECTORY/Maildir --move",
  "sieve delete ann@example.org old",
  "sieve delete-list ann@example.org old",
  "queue remove 0mfv3k2q8a1b2c3d",
  "queue remove --domain gone.example",
  "queue remove --from bob@example.org",
  "suppression clear bob@example.net",
];

/** What does not: it shows, adds, or is taken back by the command beside it. */
const doesNotAsk = [
  ["doctor", "local", "up", "health", "log level", "config check", "tls status", "tls new-key"],
  ["client"],
  ["auth", "lmtp-delivery", "smtp-out", "smtp-in", "imap", "pop3", "managesieve", "http"],
  ["domain add", "domain list", "domain alias add", "domain alias list"],
  ["account add", "account list", "account compression", "account app-passwords-only"],
  ["account webhook set", "account webhook show", "account webhook list", "comsat"],
  ["account webhook test"],
  ["account quota", "account logins", "account disable", "account enable"],
  // A new password is asked for, or comes by standard input: that is the question.
  ["account passwd", "account export", "account import"],
  ["app-password add", "app-password list", "apop-secret make", "apop-secret list"],
  ["alias add", "alias list", "alias rights", "alias except add", "alias except list"],
  ["list add", "list list", "list show", "list set"],
  ["list member add", "list owner add", "list poster add"],
  ["sender grant", "sender list", "dkim list", "dkim add", "dkim rotate", "dkim show"],
  ["ban list", "ban add", "ban lift", "backup list", "backup verify"],
  ["mailbox list", "mailbox search-index", "mailbox share", "mailbox work"],
  // Repairs make an index agree with the files; no mail goes.
  ["mailbox check", "queue check", "undelete", "rejects list", "rejects release"],
  // Storing under a name that is there is what an editor does.
  ["sieve put", "sieve put-list", "sieve get", "sieve list", "sieve lists", "sieve check"],
  ["sieve activate", "sieve deactivate", "sieve attach", "sieve detach", "sieve test", "deliver"],
  ["report list", "report show", "report summary"],
  ["queue list", "queue show", "queue retry", "queue hold", "queue resume", "queue release"],
  ["queue flush", "queue schedule"],
  ["suppression list", "watch", "trace"],
  // For a timer: it deletes what was announced to go on that day.
  ["tidy"],
].flat();

function leavesOf(command: Command, path: readonly string[] = []): [string, Command][] {
  const inner = command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]));
  return inner.length > 0 ? inner : [[path.join(" "), command]];
}

/** What is there to be taken away; and auth, which is started once and not for every command. */
async function furnish(directory: string): Promise<() => Promise<void>> {
  await writeFile(join(directory, "posthouse.toml"), 'hostname = "m.test"\ndata_dir = "."\n');
  const config = loadConfig({ dataDir: directory });
  const there = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const administered = administer({ data: directory }, async (admin) => {
    await admin.addDomain("example.org");
    await admin.addAccount({ address: "ann@example.org", password: "k7mqx-w3xdp" });
    await admin.addList("choir@example.org", { owners: ["ann@example.org"] });
    there.resolve();
    await over.promise;
  });
  await Promise.race([there.promise, administered]);
  const keys = new DkimKeyStore(config.smtpOut.dkimDirectory);
  await keys.make({ domain: "example.org", selector: "one", algorithms: ["ed25519-sha256"] });
  openRepository(join(directory, "backup"), { make: true });
  await mkdir(join(directory, "backup", "snapshots", "x"));
  await writeFile(join(directory, "backup", "snapshots", "x", "complete"), '{ "name": "x" }');
  await queue(config, "0mfv3k2q8a1b2c3d", "bob@gone.example");
  await queue(config, "0mfv3k2q8a1b2c3e", "bob@gone.example", "ann@there.example");
  return async () => {
    over.resolve();
    await administered;
  };
}

async function queue(config: Config, messageId: string, ...to: readonly string[]): Promise<void> {
  await using writer = await openQueueWriter({
    queueDirectory: config.paths.queue,
    smtpOutSocketPath: config.smtpOut.socketPath,
  });
  await using draft = await writer.begin();
  await draft.write(Buffer.from("Subject: x\r\n\r\nx\r\n"));
  await draft.commit("ready", {
    version: 1,
    messageId,
    receivedAtMs: Date.now(),
    client: { address: "192.0.2.1", helo: "client.example", protocol: "ESMTP" },
    reversePath: "bob@example.org",
    recipients: to.map((address) => ({ address, originalAddress: address, isLocal: false })),
    body: "8BITMIME",
    smtpUtf8: false,
    requireTls: false,
    priority: 0,
    verdicts: {},
  });
}

/** What is wrong with a command line, or not there, and the exit code. */
const wrong: readonly (readonly [string, RegExp, number])[] = [
  ["domain remove nope.test", /^The domain nope\.test is not ours; "posthouse domain list"/, 1],
  ["domain remove a..b --force", /is not a domain name/, 64],
  ["account remove nobody@example.org", /^There is no account nobody@example\.org; "post/, 1],
  ["account remove ann@example.org --days x", /^"x" is not a number of days/, 64],
  ["account remove ann@example.org --keep-mail", /^--keep-mail goes with --now/, 64],
  ["account quota ann@example.org x", /^"x" is not a size/, 64],
  ["alias remove info@nope.test", /^The domain nope\.test is not ours/, 1],
  ["list remove nope@example.org", /^There is no list nope@example\.org/, 1],
  ["dkim remove example.org two", /two/, 1],
  ["dkim add nope.test", /^No mail for nope\.test is kept here: posthouse domain add/, 1],
  ["client ann", /^"ann" is not an address/, 64],
  ["client nobody@example.org", /^There is no account nobody@example\.org/, 1],
  ["watch ann@nope.test", /^No mail for nope\.test is kept here; "posthouse domain list"/, 1],
  ["account webhook test ann@example.org", /^ann@example\.org has no webhook/, 1],
  ["undelete ann@example.org --mailbox Nope", /^There is no mailbox "Nope"; there are INBOX/, 1],
  ["undelete ann@example.org --since x", /^"x" is not a day/, 64],
  ["queue remove", /^Say which/, 64],
  ["queue remove x --domain gone.example", /^Say either ids, or --from and --domain/, 64],
  ["queue remove nope", /^There is nothing "nope" in the queue/, 1],
  ["queue remove --domain nope.example", /^There is nothing of that in the queue/, 1],
  ["queue list --older x", /^"x" is not a time/, 64],
  ["backup create DIRECTORY/backup --keep x", /^"x" is not a number of backups/, 64],
  ["backup create DIRECTORY/posthouse.toml", /is a file: name the directory/, 1],
  ["restore DIRECTORY/none ann@example.org", /^There are no backups in /, 1],
  ["restore DIRECTORY/backup ann@example.org --snapshot y", /^There is no backup "y" in /, 1],
  ["restore DIRECTORY/backup", /^Name the account/, 64],
];

describe("a command that takes away", () => {
  let directory = "";
  let leaves = new Map<string, Command>();
  let leave: (() => Promise<void>) | undefined;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "asking-"));
    leaves = new Map(leavesOf(await program()));
    leave = await furnish(directory);
  });

  after(async () => {
    await leave?.();
    await rm(directory, { recursive: true, force: true });
  });

  async function run(typed: string): Promise<void> {
    const args = typed.replaceAll("DIRECTORY", directory).split(" ");
    await (await program(args)).parseAsync([...args, "--data", directory], { from: "user" });
  }

  const nameOf = (typed: string): string =>
    [...leaves.keys()]
      .filter((name) => `${typed} `.startsWith(`${name} `))
      .toSorted((a, b) => b.length - a.length)[0] ?? typed;

  test("is told from one that does not, for every command that there is", () => {
    const named = [...new Set(asks.map(nameOf)), ...doesNotAsk].toSorted();
    assert.deepEqual(named, [...leaves.keys()].toSorted());
  });

  test("has --yes, and no other has", () => {
    const withYes = [...leaves].flatMap(([name, command]) =>
      command.options.some(({ long }) => long === "--yes") ? [name] : [],
    );
    assert.deepEqual(withYes.toSorted(), [...new Set(asks.map(nameOf))].toSorted());
  });

  for (const typed of asks) {
    test(`does nothing where nobody can be asked: ${typed}`, async () => {
      await assert.rejects(run(typed), (error) => {
        assert.ok(error instanceof CommandFailure, String(error));
        assert.match(error.message, /^Nothing was changed: this needs --yes/);
        assert.equal(error.exitCode, exitCodes.usage);
        return true;
      });
    });
  }

  for (const [typed, sentence, code] of wrong) {
    test(`says what is wrong before it asks: ${typed}`, async () => {
      await assert.rejects(run(typed), (error) => {
        const said = sentenceOf(error);
        assert.match(said.sentence, sentence);
        assert.equal(said.exitCode, code);
        return true;
      });
    });
  }

  test("of the mail for a domain takes only what waits for no other", async () => {
    await run("queue remove --domain GONE.example --yes");
    const { paths, smtpOut } = loadConfig({ dataDir: directory });
    await using left = await openQueue({
      queueDirectory: paths.queue,
      stateDirectory: smtpOut.stateDirectory,
      smtpOutSocketPath: smtpOut.socketPath,
    });
    const ids = (await left.list({ afterId: "" })).map(({ messageId }) => messageId);
    assert.deepEqual(ids, ["0mfv3k2q8a1b2c3e"]);
  });
});

for (const [typed, sentence] of [
  ["nonsense --help", /unknown command 'nonsense'/],
  ["queue nonsense -h", /unknown command 'nonsense'/],
  ["single --help", /"posthouse up --single"/],
  ["webhook list", /"posthouse account webhook"/],
] as const) {
  test(`help is not given of what there is not: ${typed}`, async () => {
    const args = typed.split(" ");
    const posthouse = await program(args);
    for (const command of [posthouse, ...posthouse.commands]) {
      command.configureOutput({ writeErr: () => {} });
    }
    const parsed = async () => posthouse.parseAsync(wordsOf(posthouse, args), { from: "user" });
    await assert.rejects(parsed, sentence);
  });
}
