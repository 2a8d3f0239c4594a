import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { appNames } from "@posthouse/service";
import { program } from "../apps/cli/src/program.ts";
import { namesInDashboard, namesMeasured } from "./dashboard.ts";
import { run } from "./program.ts";
import { startSuite } from "./suite.ts";

const cli = join(import.meta.dirname, "..", "apps", "cli", "src", "main.ts");
const posthouse = (...args: string[]) => run(process.execPath, [cli, ...args]);

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "posthouse-local-"));
});
after(() => rm(directory, { recursive: true, force: true }));

const mailOf = (user: string, port: number) =>
  run("curl", [
    "--silent",
    "--insecure",
    "--user",
    `${user}@example.test:posthouse`,
    `imaps://127.0.0.1:${port}/INBOX;MAILINDEX=1`,
  ]);

test("a first message goes as the banner says, a second start finds it, a third or a broken one is refused", async () => {
  const data = join(directory, "kept");
  const first = await startSuite({ directory: data });
  const banner = first.log.join("\n");
  for (const word of [
    "Thunderbird",
    "alice@example.test",
    "posthouse",
    String(first.portOf("imaps")),
    "Ctrl-C",
  ]) {
    assert.ok(banner.includes(word), `${word} is not in the banner`);
  }
  const command = first.log.join("\n").match(/^ {2}(printf [\s\S]*?--upload-file -)$/m)?.[1] ?? "";
  const sent = await run("sh", ["-c", command]);
  assert.equal(sent.code, 0, sent.stderr);
  assert.match((await mailOf("alice", first.portOf("imaps"))).stdout, /^Subject: Hello\r$/m);
  assert.equal(await first.stop(), 0);

  const second = await startSuite({ directory: data });
  assert.match((await mailOf("alice", second.portOf("imaps"))).stdout, /^Subject: Hello\r$/m);
  const third = await posthouse("local", "--data", data, "--port-offset", "auto");
  assert.equal(third.code, 1);
  assert.match(third.stderr, /^posthouse: Another Posthouse is running on /);
  assert.equal(await second.stop(), 0);

  await writeFile(join(data, "posthouse.toml"), 'hostname = "x"\n[imap\n');
  const broken = await posthouse("local", "--data", data, "--port-offset", "auto");
  assert.equal(broken.code, 78);
  assert.equal(broken.stdout, "");
  assert.match(broken.stderr, /^posthouse: \S+posthouse\.toml, line 2, column \d+: .*\n$/);
});

test("a taken port is one sentence, and nothing is started", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as AddressInfo;
  const { code, stdout, stderr } = await posthouse(
    "local",
    "--data",
    join(directory, "taken"),
    "--port-offset",
    String(port - 143),
  );
  blocker.close();
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    new RegExp(
      `^posthouse: Cannot listen for imap on 127\\.0\\.0\\.1 port ${port}: another program has it.*\n$`,
    ),
  );
});

test("a file in the way of the data directory is one sentence", async () => {
  const path = join(directory, "file");
  await writeFile(path, "");
  const { code, stderr } = await posthouse("local", "--data", path, "--port-offset", "auto");
  assert.equal(code, 1);
  assert.match(stderr, /^posthouse: Cannot write in "[^"]+": there is a file in the way.*\n$/);
});

test("administration works while it runs and while it does not", async () => {
  const data = join(directory, "administered");
  await using suite = await startSuite({ directory: data });
  const at = ["--data", data];
  const says = async (pattern: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await posthouse(...args, ...at);
    assert.equal(code, 0, stderr);
    assert.match(stdout, pattern);
  };
  const aliasesAndPasswords = async (name: string) => {
    await says(
      /leads to/,
      "alias",
      "add",
      `info@${name}.test`,
      `ann@${name}.test`,
      "alice@example.test",
    );
    await says(new RegExp(`ann@${name}\\.test`), "account", "list");
    await says(/No address/, "suppression", "list");
    const listed = await posthouse("alias", "list", "--json", ...at);
    assert.ok(
      JSON.parse(listed.stdout).some(
        (alias: { address: string }) => alias.address === `info@${name}.test`,
      ),
    );
    const passwd = await run(
      process.execPath,
      [cli, "account", "passwd", `ann@${name}.test`, ...at],
      { input: "battery staple\n" },
    );
    assert.equal(passwd.code, 0, passwd.stderr);
    await says(/^Removed/, "alias", "remove", `info@${name}.test`, "--yes");
    const rename = ["account", "rename", `ann@${name}.test`, `anne@${name}.test`] as const;
    const unasked = await posthouse(...rename, ...at);
    assert.match(unasked.stderr, /needs --yes/);
    await says(/is anne@running\.test now/, ...rename, "--no-alias", "--yes");
    await says(
      /is ann@running\.test now/,
      "account",
      "rename",
      `anne@${name}.test`,
      `ann@${name}.test`,
      "--no-alias",
      "--yes",
    );
  };
  const work = async (name: string, alsoWork?: (name: string) => Promise<void>) => {
    await says(/^Added the domain/, "domain", "add", `${name}.test`);
    const added = await run(process.execPath, [cli, "account", "add", `ann@${name}.test`, ...at], {
      input: "correct horse\n",
    });
    assert.equal(added.code, 0, added.stderr);
    await says(/INBOX/, "mailbox", "list", `ann@${name}.test`);
    await says(/agree/, "mailbox", "check", `ann@${name}.test`);
    await says(/empty/, "queue", "list");
    await alsoWork?.(name);
    const refused = await posthouse("domain", "remove", `${name}.test`, "--yes", ...at);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^posthouse: [^\n]+\n$/);
    await says(/^Removed the account/, "account", "remove", `ann@${name}.test`, "--now", "--yes");
    await says(/^Removed the domain/, "domain", "remove", `${name}.test`, "--yes");
  };
  await work("running", aliasesAndPasswords);
  await says(/"server": "imap",\n\s*"serves": true/, "health", "--json");
  await says(/^smtp-out +debug$/m, "log", "level", "debug", "smtp-out");
  await says(/^smtp-out +debug\n[\s\S]*^imap +info$/m, "log", "level");
  const measured = await namesMeasured(data, appNames);
  const unknown = [...(await namesInDashboard())].filter(([name]) => !measured.has(name));
  assert.deepEqual(unknown, [], "the dashboard asks for what no server gives");
  assert.equal(await suite.stop(), 0);
  await work("stopped");
});

test("every command has --help with examples", async () => {
  assert.match((await posthouse("--help")).stdout, /^Usage: posthouse /);
  type Command = Awaited<ReturnType<typeof program>>;
  const leavesOf = (command: Command): Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
  const leaves = leavesOf(await program());
  assert.ok(leaves.length > 30);
  for (const leaf of leaves) {
    let help = "";
    leaf.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    leaf.outputHelp();
    assert.match(help, /Examples:\n {2}posthouse /, `${leaf.parent?.name()} ${leaf.name()}`);
  }
});

test("a wrong argument is a sentence and exit code 64", async () => {
  for (const args of [
    ["imapp"],
    ["account", "add"],
    ["local", "--port-offset", "many"],
    ["queue", "list", "--jsn"],
  ]) {
    const { code, stderr } = await posthouse(...args);
    assert.equal(code, 64, args.join(" "));
    assert.notEqual(stderr, "");
  }
});
