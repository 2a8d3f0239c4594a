import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { appNames } from "@posthouse/service";
import { ImapDialogue } from "./imap-dialogue.ts";
import { hasPrograms, type ProgramResult, run } from "./program.ts";
import { startServer } from "./server-process.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { readDirectoryLines, readUnit, readUsers } from "./unit-file.ts";

const root = join(import.meta.dirname, "..");
const systemd = join(root, "deploy/systemd");
/** The template is for further processes of smtp-out, of which there are none at first. */
const template = "posthouse-smtp-out@.service";
/** All servers in one process; it comes in the place of the others. */
const single = "posthouse-single.service";
const allUnitPaths = globSync("*.service", { cwd: systemd }).sort();
const unitPaths = allUnitPaths.filter((path) => path !== template && path !== single);
const unitOf = (app: string) => readUnit(join(systemd, `posthouse-${app}.service`));

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "posthouse-deployment-"));
  await chmod(directory, 0o755);
});
after(() => rm(directory, { recursive: true, force: true }));

/** Every listener on loopback and a port of the system's choice. */
const tomlIn = (place: string) => `
hostname = "mail.example.test"
data_dir = "${place}/lib"
run_dir = "${place}/run"
auth.bcrypt_cost = 4
auth.allow_plaintext_from = "loopback"
smtp_in.listeners = [{ kind = "mx", address = "127.0.0.1", port = 0 }]
imap.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
pop3.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
managesieve.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
smtp_out.send = false
`;

const posthouse = (config: string, ...args: string[]): Promise<ProgramResult> =>
  run(join(root, "apps/cli/bin/posthouse"), [...args, "--config", config]);

/** The port that a server took, by its own health page. */
async function portOf(runDirectory: string, app: string): Promise<number> {
  const socket = join(runDirectory, `${app}.status.sock`);
  const health = await run("curl", ["--silent", "--unix-socket", socket, "http://server/health"]);
  return JSON.parse(health.stdout).addresses[0].port;
}

test("there is a unit for every server, and the target wants them all", () => {
  assert.deepEqual(unitPaths, [...appNames].map((app) => `posthouse-${app}.service`).sort());
  const wanted = readUnit(join(systemd, "posthouse.target")).value("Wants") ?? "";
  assert.deepEqual(wanted.split(" ").sort(), unitPaths);
});

test("the unit of all servers in one process keeps all others out", () => {
  const unit = readUnit(join(systemd, single));
  const others = ["posthouse.target", ...unitPaths].sort();
  for (const key of ["Conflicts", "After"]) {
    const named = (unit.value(key) ?? "").split(" ").filter((one) => one.startsWith("posthouse"));
    assert.deepEqual(named.sort(), others, key);
  }
});

test("that unit takes over every directory of another server's user", async () => {
  const preparing = (await readFile(join(systemd, single), "utf8"))
    .split("\n")
    .filter((line) => line.startsWith("ExecStartPre="))
    .flatMap((line) => line.split(" "));
  const user = readUnit(join(systemd, single)).value("User");
  const others = readDirectoryLines(join(systemd, "posthouse.tmpfiles.conf")).filter(
    (line) => line.user !== "root" && line.user !== user,
  );
  const isTaken = (path: string) =>
    preparing.some((one) => one.startsWith("/var/lib/") && `${path}/`.startsWith(`${one}/`));
  assert.deepEqual(
    others.filter(({ path }) => !isTaken(path)),
    [],
  );
});

test("further processes of smtp-out run under the same rules as the first", async () => {
  const linesOf = async (path: string) =>
    (await readFile(join(systemd, path), "utf8")).split("\n").map((line) => line.trimEnd());
  const lines = await linesOf(template);
  const first = await linesOf("posthouse-smtp-out.service");
  const ours = /^(?:Description|ExecStart|CacheDirectory|Environment=NODE_COMPILE_CACHE)=/;
  const isShared = (line: string) => !ours.test(line);
  assert.deepEqual(lines.filter(isShared), first.filter(isShared));
  const [command] = first.filter((line) => line.startsWith("ExecStart="));
  assert.ok(lines.includes(`${command} --instance %i`));
});

test("systemd finds nothing wrong with the units", async (t) => {
  if (!hasPrograms(t, "systemd-analyze")) return;
  const copies = join(directory, "units");
  await mkdir(copies);
  for (const name of [...allUnitPaths, "posthouse.target"]) {
    const text = await readFile(join(systemd, name), "utf8");
    const copy = join(copies, name.replace("@.", "@two."));
    await writeFile(copy, text.replaceAll("/opt/posthouse/current", root));
  }
  const files = (await readdir(copies)).map((name) => join(copies, name));
  const { code, stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", ...files]);
  // What it only warns of, such as a key it does not know, does not change its exit code.
  assert.deepEqual({ code, said: stdout + stderr }, { code: 0, said: "" });
});

for (const name of [...unitPaths, single]) {
  test(`systemd calls the exposure of ${name} low`, async (t) => {
    if (!hasPrograms(t, "systemd-analyze")) return;
    const path = join(systemd, name);
    const limit = name === "posthouse-auth.service" ? 10 : 20;
    // In tenths of its scale of 10; the exit code says whether it is above.
    const args = ["security", "--offline=true", "--no-pager", `--threshold=${limit}`, path];
    const { code, stdout, stderr } = await run("systemd-analyze", args);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /Overall exposure level/);
  });
}

/** Numbers for the users and groups of sysusers.conf: nobody is made, and the kernel does not ask. */
const groupsOf = readUsers(join(systemd, "posthouse.sysusers.conf"));
const names = [...new Set(["posthouse", "posthouse-queue", ...groupsOf.keys()])];
const idOf = (name: string) => (name === "root" ? 0 : 61_500 + names.indexOf(name));

/** The same command as this user of sysusers.conf, with its groups, those of its unit and no others. */
function commandAs(user: string, command: readonly string[], more: readonly string[] = []) {
  const groups = [...new Set([...(groupsOf.get(user) ?? []), ...more])].map(idOf).join();
  const ids = [`--reuid=${idOf(user)}`, `--regid=${idOf(user)}`, `--groups=${groups}`];
  return ["setpriv", ...ids, "--no-new-privs", ...command];
}

const runAs = (user: string, ...command: string[]): Promise<ProgramResult> => {
  const [program = "", ...args] = commandAs(user, command);
  return run(program, args);
};

/** Skips with a sentence where users cannot be changed, or could not read the program. */
async function canBeOthers(t: TestContext): Promise<boolean> {
  if (!hasPrograms(t, "setpriv", "curl")) return false;
  if (process.getuid?.() !== 0) {
    t.skip("only root can run the servers as different users");
    return false;
  }
  const { code } = await runAs("posthouse-in", "test", "-r", join(root, "package.json"));
  if (code !== 0) t.skip(`other users than root cannot read ${root}`);
  return code === 0;
}

/** /run, /var/lib and /etc of the units, in a directory of the test. */
async function layOut(place: string): Promise<(path: string) => string> {
  const moved = (path: string) =>
    path
      .replace("/run/posthouse", `${place}/run`)
      .replace("/var/lib/posthouse", `${place}/lib`)
      .replace("/etc/posthouse", `${place}/etc`)
      .replaceAll("/opt/posthouse/current", root);
  await mkdir(place);
  for (const line of readDirectoryLines(join(systemd, "posthouse.tmpfiles.conf"))) {
    const path = moved(line.path);
    await mkdir(path);
    await chown(path, idOf(line.user), idOf(line.group));
    await chmod(path, line.mode);
  }
  return moved;
}

test("the servers work together as the users of their units, and none can do another's part", async (t) => {
  if (!(await canBeOthers(t))) return;
  const place = join(directory, "users");
  const moved = await layOut(place);
  const config = join(place, "etc/posthouse.toml");
  await writeFile(config, tomlIn(place));

  await using servers = new AsyncDisposableStack();
  for (const app of appNames) {
    const unit = unitOf(app);
    const user = unit.value("User") ?? "";
    const group = unit.value("Group") ?? "";
    const command = moved(unit.value("ExecStart") ?? "").split(" ");
    const more = unit.value("SupplementaryGroups")?.split(" ");
    const asUser = commandAs(user, command, more).map((word) =>
      word.startsWith("--regid=") ? `--regid=${idOf(group)}` : word,
    );
    servers.use(await startServer(asUser, root));
  }
  const succeeds = async (...args: string[]) => {
    const { code, stdout, stderr } = await posthouse(config, ...args);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  await succeeds("domain", "add", "example.test");
  const added = await run(
    join(root, "apps/cli/bin/posthouse"),
    ["account", "add", "ann@example.test", "--config", config],
    { input: "correct horse\n" },
  );
  assert.equal(added.code, 0, added.stderr);

  using sender = await SmtpDialogue.open(await portOf(join(place, "run"), "smtp-in"));
  const octets = Buffer.from("Subject: hello\r\n\r\nIt works.\r\n");
  const sent = await sender.send({ from: "x@example.net", to: ["ann@example.test"], octets });
  assert.equal(sent.code, 250, sent.text);
  using reader = await ImapDialogue.login(
    await portOf(join(place, "run"), "imap"),
    "ann@example.test",
    '"correct horse"',
  );
  const [message] = (await reader.messages("INBOX")).values();
  assert.match(message?.toString() ?? "", /^Subject: hello\r$/m);

  await t.test(
    "the command line, run by root, works and leaves nothing of root's behind",
    async () => {
      assert.match(await succeeds("queue", "list"), /empty/);
      assert.match(await succeeds("mailbox", "list", "ann@example.test"), /^INBOX +1 /m);
      assert.match(await succeeds("mailbox", "check"), /agree/);
      assert.match(await succeeds("trace", "ann@example.test"), /delivered into INBOX/);
      const laidOut = readDirectoryLines(join(systemd, "posthouse.tmpfiles.conf")).map((line) =>
        moved(line.path),
      );
      const found = await run("find", [`${place}/lib`, `${place}/run`, "-user", "root"]);
      assert.deepEqual(
        found.stdout
          .trim()
          .split("\n")
          .filter((path) => !laidOut.includes(path)),
        [],
      );
    },
  );

  const mail = join(place, "lib/mail/example.test/ann");
  const state = join(place, "lib/state");
  const open = (path: string) => ["cat", path];
  const connect = (path: string) => [
    "curl",
    "--silent",
    "--show-error",
    "--fail",
    "--unix-socket",
    path,
    "http://server/health",
  ];
  const remove = (path: string) => ["rm", path];
  const forbidden: readonly (readonly [user: string, what: string, command: readonly string[]])[] =
    [
      ["posthouse-in", "look into a mailbox", ["ls", mail]],
      ["posthouse-out", "look into a mailbox", ["ls", mail]],
      ["posthouse-auth", "look into a mailbox", ["ls", mail]],
      ["posthouse-in", "read the secrets", open(join(state, "auth/secrets.sqlite"))],
      ["posthouse-out", "read the secrets", open(join(state, "auth/secrets.sqlite"))],
      ["posthouse-mail", "read the secrets", open(join(state, "auth/secrets.sqlite"))],
      ["posthouse-in", "read the directory", open(join(state, "auth/directory.sqlite"))],
      ["posthouse-in", "read the queue's index", open(join(state, "smtp-out/queue.sqlite"))],
      ["posthouse-mail", "look into the queue", ["ls", join(place, "lib/queue")]],
      ["posthouse-auth", "look into the queue", ["ls", join(place, "lib/queue")]],
      ["posthouse-in", "administer", connect(join(place, "run/auth-admin.sock"))],
      ["posthouse-mail", "administer", connect(join(place, "run/auth-admin.sock"))],
      ["posthouse-in", "take auth's socket away", remove(join(place, "run/auth.sock"))],
      ["posthouse-in", "take auth's trail away", remove(join(place, "lib/events/*.auth.*"))],
      ["posthouse-in", "change the configuration", ["touch", config]],
    ];
  for (const [user, what, command] of forbidden) {
    await t.test(`${user} cannot ${what}`, async () => {
      const { code, stdout, stderr } = await runAs(user, "sh", "-c", `exec ${command.join(" ")}`);
      assert.notEqual(code, 0, stdout);
      assert.match(
        stderr,
        /Permission denied|Operation not permitted|Could not connect|Couldn't connect/,
      );
    });
  }
  // The same commands as those who may: what fails above fails for want of rights and of nothing else.
  for (const [user, command] of [
    ["posthouse-mail", ["ls", mail]],
    ["posthouse-auth", open(join(state, "auth/secrets.sqlite"))],
    ["posthouse-out", open(join(state, "smtp-out/queue.sqlite"))],
    ["posthouse-in", ["ls", join(place, "lib/queue")]],
    ["posthouse-in", connect(join(place, "run/auth.status.sock"))],
  ] as const) {
    const { code, stderr } = await runAs(user, "sh", "-c", `exec ${command.join(" ")}`);
    assert.equal(code, 0, `${user}: ${stderr}`);
  }
});
