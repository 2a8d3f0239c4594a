import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { Directory, Secrets } from "@posthouse/accounts/directory";
import { openMailStore } from "@posthouse/mailbox-store";
import { openQueue } from "@posthouse/queue";
import { loadConfig } from "@posthouse/service";
import { dataVersionsOf, userVersionOf } from "../src/upgrade/data-versions.ts";
import { lastCopy, putBack, whatGoesBack } from "../src/upgrade/upgrade-copy.ts";
import { currentInstallation, rollbackSteps, upgradeSteps } from "../src/upgrade/upgrade-steps.ts";

/**
 * A data directory that an older commit of ours has made: the domain example.test, the account ann with mailboxes,
 * the alias info, and an empty queue. Directory of version 4, passwords of 5, queue of 5, mailboxes of 2.
 */
const fixture = join(import.meta.dirname, "fixtures", "data-of-an-older-version.tar.gz");

/** That data, and a machine with two installations of which the older one runs. */
function machine() {
  const directory = mkdtempSync(join(tmpdir(), "posthouse-upgrade-"));
  const data = join(directory, "data");
  mkdirSync(data);
  execFileSync("tar", ["-xzf", fixture, "-C", data, "--no-same-owner"]);
  const root = join(directory, "root");
  const versions = join(root, "opt/posthouse/versions");
  for (const name of ["1", "2"]) {
    const systemd = join(versions, name, "deploy/systemd");
    mkdirSync(join(systemd, "timers"), { recursive: true });
    for (const file of ["sysusers.conf", "tmpfiles.conf", "target"]) {
      writeFileSync(join(systemd, `posthouse.${file}`), `of version ${name}\n`);
    }
  }
  symlinkSync("versions/1", join(root, "opt/posthouse/current"));
  const ran: string[] = [];
  return {
    config: loadConfig({ dataDir: data }),
    root,
    version: (name: string) => realpathSync(join(versions, name)),
    ran,
    steps: {
      root,
      run: (program: string, ...args: string[]) => void ran.push([program, ...args].join(" ")),
      isActive: (unit: string) => unit === "posthouse.target",
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

type Steps = ReturnType<typeof upgradeSteps>;
const doAll = ({ stop, work, start }: Steps) => {
  for (const step of [...stop, ...work, ...start]) step.do();
};

/** What the servers of this version do when they start. */
async function startOnce(config: ReturnType<typeof machine>["config"]): Promise<void> {
  new Secrets({ path: join(config.auth.stateDirectory, "secrets.sqlite") }).close();
  new Directory({
    path: join(config.auth.stateDirectory, "directory.sqlite"),
    hostname: config.hostname,
    subaddressSeparator: "+",
  }).close();
  await using queue = await openQueue({
    queueDirectory: config.paths.queue,
    stateDirectory: config.smtpOut.stateDirectory,
    smtpOutSocketPath: config.smtpOut.socketPath,
  });
  await queue.list();
}

const foundIn = (config: ReturnType<typeof machine>["config"]) =>
  Object.fromEntries(dataVersionsOf(config).map(({ id, found }) => [id, found]));

describe("an upgrade from what an older commit has made", () => {
  test("says before how many steps each database is behind, and changes nothing", () => {
    using at = machine();
    const before = foundIn(at.config);
    assert.deepEqual(before, { directory: 4, secrets: 5, queue: 5, mail: 2 });
    for (const { found, known } of dataVersionsOf(at.config)) assert.ok(found <= known);
    upgradeSteps(at.config, at.version("2"), at.steps);
    assert.deepEqual(foundIn(at.config), before);
    assert.equal(currentInstallation(at.root), at.version("1"));
    assert.deepEqual(at.ran, []);
  });

  test("takes a copy, moves the link, and the servers then make the steps", async () => {
    using at = machine();
    doAll(upgradeSteps(at.config, at.version("2"), at.steps));
    assert.equal(currentInstallation(at.root), at.version("2"));
    assert.equal(at.ran[0], "systemctl stop posthouse.target");
    assert.equal(at.ran.at(-1), "systemctl start posthouse.target");
    const unit = join(at.root, "etc/systemd/system/posthouse.target");
    assert.equal(readFileSync(unit, "utf8"), "of version 2\n");
    const copy = lastCopy(at.config);
    assert.equal(copy?.from, at.version("1"));
    assert.deepEqual(copy?.versions, { directory: 4, secrets: 5, queue: 5, mail: 2 });
    assert.deepEqual(whatGoesBack(at.config, copy ?? assert.fail()), []);

    await startOnce(at.config);
    for (const { id, found, known } of dataVersionsOf(at.config)) assert.equal(found, known, id);
    // The account is who she was.
    await using store = await openMailStore({
      mailDirectory: at.config.paths.mail,
      messageBytesMax: 1e6,
      host: "mail.test",
    });
    const id = readFileSync(
      join(at.config.paths.mail, "example.test/ann/posthouse-account"),
      "utf8",
    );
    await using mail = await store.openAccount({ id: id.trim(), address: "ann@example.test" });
    assert.equal((await mail.listMailboxes()).length, 6);
  });

  test("is taken back: link and units, and what the older one could not read", async () => {
    using at = machine();
    const auth = at.config.auth.stateDirectory;
    const before = readFileSync(join(auth, "secrets.sqlite"));
    doAll(upgradeSteps(at.config, at.version("2"), at.steps));
    await startOnce(at.config);
    at.ran.length = 0;
    const copy = lastCopy(at.config) ?? assert.fail();
    assert.match(
      whatGoesBack(at.config, copy).join(),
      /put back passwords .*version 5.*remove the index of the queue/s,
    );
    doAll(rollbackSteps(at.config, copy, at.steps));
    assert.equal(currentInstallation(at.root), at.version("1"));
    assert.deepEqual(at.ran, [
      "systemctl stop posthouse.target",
      ...at.ran.slice(1, -1),
      "systemctl start posthouse.target",
    ]);
    const now = foundIn(at.config);
    assert.deepEqual(
      { ...now, queue: undefined },
      { directory: 4, secrets: 5, mail: 2, queue: undefined },
    );
    assert.equal(existsSync(join(at.config.smtpOut.stateDirectory, "queue.sqlite")), false);
    assert.equal(readFileSync(join(auth, "secrets.sqlite")).length, before.length);
    // What was newer is kept beside it, and the copy counts no more.
    assert.ok(readdirSync(auth).some((name) => /^secrets\.sqlite\.newer-\d+$/.test(name)));
    assert.equal(lastCopy(at.config), undefined);
  });

  test("that was cut off before the link moved is given again, and a copy that was half made is swept", () => {
    using at = machine();
    const half = join(at.config.paths.state, "upgrades", "2026-01-01T00-00-00Z.making");
    mkdirSync(half, { recursive: true });
    const { stop, work } = upgradeSteps(at.config, at.version("2"), at.steps);
    for (const step of [...stop, ...work.slice(0, 1)]) step.do();
    assert.equal(existsSync(half), false);
    assert.equal(currentInstallation(at.root), at.version("1"));
    doAll(upgradeSteps(at.config, at.version("2"), at.steps));
    assert.equal(currentInstallation(at.root), at.version("2"));
    // Data that the older version reads as it is is left alone.
    putBack(at.config, lastCopy(at.config) ?? assert.fail());
    assert.ok(!readdirSync(at.config.auth.stateDirectory).some((name) => /newer/.test(name)));
  });
});

test("a version that stands in the write-ahead log alone is read, and none of an older log", () => {
  const directory = mkdtempSync(join(tmpdir(), "posthouse-version-"));
  try {
    const path = join(directory, "index.sqlite");
    const database = new DatabaseSync(path);
    const pragma = (text: string) => database.exec(`PRAGMA ${text}`);
    pragma("journal_mode = WAL");
    pragma("wal_autocheckpoint = 0");
    database.exec("CREATE TABLE one (n)");
    pragma("wal_checkpoint(TRUNCATE)");
    assert.equal(userVersionOf(path), 0);
    pragma("user_version = 6");
    assert.equal(userVersionOf(path), 6, "open, and not written back");
    pragma("wal_checkpoint(RESTART)");
    database.exec("INSERT INTO one VALUES (1)");
    assert.equal(userVersionOf(path), 6, "behind the new frames stand old ones");
    database.close();
    assert.equal(userVersionOf(path), 6);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
