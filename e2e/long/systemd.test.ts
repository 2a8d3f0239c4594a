import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { hasPrograms, run } from "../program.ts";

const root = join(import.meta.dirname, "../..");

/** docs/going-live.md, from the installed tree to a message that is read and one that waits in the queue. */
const prove = `
set -e
cd /opt/posthouse/current
part() { echo "== $1"; }
install -D -m 644 deploy/systemd/posthouse.sysusers.conf /etc/sysusers.d/posthouse.conf
systemd-sysusers posthouse.conf
install -D -m 644 deploy/systemd/posthouse.tmpfiles.conf /etc/tmpfiles.d/posthouse.conf
systemd-tmpfiles --create posthouse.conf
cp deploy/systemd/*.service deploy/systemd/*.target /etc/systemd/system/
cat > /etc/posthouse/posthouse.toml <<END
hostname = "mail.example.org"
data_dir = "/var/lib/posthouse"
run_dir = "/run/posthouse"
smtp_out.send = false
END
PATH=$PATH:$PWD/apps/cli/bin
posthouse config check
systemctl daemon-reload
systemctl enable --now posthouse.target
serving() { for try in $(seq 120); do posthouse health > /dev/null && return; sleep 0.5; done; posthouse health; }
serving
posthouse domain add example.org
echo "correct horse" | posthouse account add ann@example.org
swaks --silent --server 127.0.0.1 --from x@example.net --to ann@example.org --body works
user="ann@example.org:correct horse"
part imap; curl -sk --user "$user" 'imaps://127.0.0.1/INBOX;MAILINDEX=1'
part pop3; curl -sk --user "$user" 'pop3s://127.0.0.1/1'
printf 'Subject: out\\n\\nx\\n' | curl -sk --ssl-reqd --url smtp://127.0.0.1:587 --user "$user" --crlf \
  --mail-from ann@example.org --mail-rcpt x@example.net --upload-file -
part trace; posthouse trace ann@example.org
systemctl stop 'posthouse-*'
rm /var/lib/posthouse/state/smtp-out/* /var/lib/posthouse/mail/example.org/ann/index.sqlite*
part stopped
posthouse queue list
posthouse mailbox check ann@example.org
echo "another horse" | posthouse account add bob@example.org
part root-files; find /run/posthouse /var/lib/posthouse -user root -not -type d
part restarted
systemctl start posthouse.target; serving
systemctl restart posthouse.target; serving
systemctl reload 'posthouse-*'
posthouse mailbox list ann@example.org
posthouse queue list
part single
systemctl start posthouse-single; serving
! systemctl is-active posthouse-imap
swaks --silent --server 127.0.0.1 --from x@example.net --to ann@example.org --body again
posthouse mailbox list ann@example.org
posthouse queue list
systemctl stop posthouse-single
cd /var/lib/posthouse
chown -R posthouse-auth: state/auth
chown -R posthouse-in: state/smtp-in
chown -R posthouse-out: state/smtp-out
chown -R posthouse-http: state/http
chown -R posthouse-out:posthouse-queue queue
systemctl start posthouse.target; serving
part separate; posthouse mailbox list ann@example.org; posthouse queue list
part complaints; journalctl --no-pager -o cat -u 'posthouse-*' | grep -v '"level":30' || true
part end
`;

test("the units of deploy/systemd serve under a real systemd, with all that they forbid", async (t) => {
  const cgroups = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((path) =>
    existsSync(join(path, "cgroup.procs")),
  );
  if (process.getuid?.() !== 0) return t.skip("only root can start a systemd");
  if (!existsSync("/lib/systemd/systemd")) return t.skip("systemd is not installed");
  if (!hasPrograms(t, "unshare", "swaks", "curl")) return;
  const namespaces = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup"];
  if (cgroups === undefined || (await run("unshare", [...namespaces, "true"])).code !== 0) {
    return t.skip("this machine gives no namespaces or control groups");
  }
  const work = await mkdtemp(join(tmpdir(), "posthouse-systemd-"));
  const cgroup = join(cgroups, `posthouse-test-${process.pid}`);
  await mkdir(cgroup);
  try {
    await writeFile(join(work, "prove.sh"), prove);
    const inside = [
      ...namespaces,
      "--kill-child",
      "sh",
      join(import.meta.dirname, "systemd-host.sh"),
    ];
    const script = 'echo $$ > "$0/cgroup.procs"; exec timeout 200 unshare "$@"';
    // Its exit code says nothing: what was proved stands in the files.
    await promisify(execFile)("sh", ["-c", script, cgroup, ...inside, root, work]).catch(() => {});
    const read = (name: string) => readFile(join(work, name), "utf8").catch(() => "");
    const out = await read("prove.out");
    const said = `${out}\n${await read("prove.err")}\n${await read("systemd.out")}`;
    const part = (name: string) => out.split(`== ${name}\n`)[1]?.split(/^== /m)[0] ?? "";
    assert.ok(out.endsWith("== end\n"), said);
    assert.match(part("imap"), /^works\r?$/m);
    assert.match(part("pop3"), /^works\r?$/m);
    assert.match(part("trace"), /delivered into INBOX of ann@example\.org/);
    assert.match(part("stopped"), /x@example\.net[\s\S]*Files and index agree/);
    assert.equal(part("root-files"), "");
    assert.match(part("restarted"), /^INBOX +1 [\s\S]*x@example\.net/m);
    assert.match(part("single"), /^inactive\n[\s\S]*^INBOX +2 [\s\S]*x@example\.net/m);
    assert.match(part("separate"), /^INBOX +2 [\s\S]*x@example\.net/m);
    assert.equal(part("complaints"), "");
  } finally {
    await rm(work, { recursive: true, force: true });
    // systemd leaves its slices, which are empty.
    await run("find", [cgroup, "-depth", "-type", "d", "-delete"]);
  }
});
