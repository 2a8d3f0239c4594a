import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { exitCodes } from "@posthouse/service";
import type { Command } from "commander";
import { CommandFailure } from "../src/command-failure.ts";
import { program } from "../src/program.ts";

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
  "suppression clear bob@example.net",
];

/** What does not: it shows, adds, or is taken back by the command beside it. */
const doesNotAsk = [
  ["doctor", "local", "up", "health", "log level", "config check", "tls status", "tls new-key"],
  ["client"],
  ["auth", "lmtp-delivery", "smtp-out", "smtp-in", "imap", "pop3", "managesieve", "http"],
  ["domain add", "domain list", "domain alias add", "domain alias list"],
  ["account add", "account list", "account compression", "account app-passwords-only"],
  ["account webhook set", "account webhook show", "comsat"],
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

describe("a command that takes away", () => {
  let directory = "";
  let leaves = new Map<string, Command>();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "asking-"));
    leaves = new Map(leavesOf(await program()));
  });

  after(() => rm(directory, { recursive: true, force: true }));

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
      const args = typed.replaceAll("DIRECTORY", directory).split(" ");
      const asked = (await program(args)).parseAsync([...args, "--data", directory], {
        from: "user",
      });
      await assert.rejects(asked, (error) => {
        assert.ok(error instanceof CommandFailure, String(error));
        assert.match(error.message, /^Nothing was changed: this needs --yes/);
        assert.equal(error.exitCode, exitCodes.usage);
        return true;
      });
    });
  }
});
