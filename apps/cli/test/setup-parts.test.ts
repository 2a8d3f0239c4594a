import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { configFromToml } from "@posthouse/service";
import {
  certificateNames,
  installation,
  namesWithoutOrder,
  settingsOf,
  withCertificate,
} from "../src/setup/settings.ts";
import { setupToml } from "../src/setup/setup-toml.ts";
import { smarthostOf } from "../src/setup/smarthost.ts";
import { systemdSteps } from "../src/setup/systemd.ts";
import { webServerSnippet } from "../src/setup/web-server-snippets.ts";

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-setup-parts-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("what setup writes is a configuration that says what was chosen", () => {
  const text = setupToml({
    hostname: "mail.example.org",
    dataDir: "/var/lib/posthouse",
    runDir: "/run/posthouse",
    postmaster: "ann@example.org",
    acme: { names: ["mail.example.org", "mta-sts.example.org"], contact: "postmaster@example.org" },
    httpPort: 8080,
    smarthost: { via: "smtps://relay.example.net:465", username: 'a "b"', passwordFile: "/p" },
  });
  const config = configFromToml(text, "/etc/posthouse/posthouse.toml");
  assert.equal(config.hostname, "mail.example.org");
  assert.equal(config.runDir, "/run/posthouse");
  assert.equal(config.auth.postmaster, "ann@example.org");
  assert.deepEqual(config.acme.names, ["mail.example.org", "mta-sts.example.org"]);
  assert.deepEqual(config.http.listeners, [{ tls: "none", address: "127.0.0.1", port: 8080 }]);
  assert.equal(config.smtpOut.routes[0]?.username, 'a "b"');
  const least = setupToml({ hostname: "m.example.org", dataDir: ".", postmaster: "a@example.org" });
  assert.equal(configFromToml(least, "/x/posthouse.toml").dataDir, "/x");
});

test("a second domain has a certificate of its own added, once", () => {
  const text = setupToml({
    hostname: "mail.example.org",
    dataDir: ".",
    postmaster: "ann@example.org",
    acme: { names: ["mail.example.org"], contact: "postmaster@example.org" },
  });
  const config = configFromToml(text, "/x/posthouse.toml");
  const settings = {
    ...settingsOf("ann@example.net", { data: "/nowhere" }),
    hostname: "mail.example.org",
  };
  const names = namesWithoutOrder(settings, config);
  assert.deepEqual(
    names,
    certificateNames(settings).filter((name) => name !== "mail.example.org"),
  );
  assert.ok(names.includes("mta-sts.example.net"));
  const longer = configFromToml(withCertificate(text, names), "/x/posthouse.toml");
  assert.deepEqual(longer.acme.certificates, [{ names }]);
  assert.deepEqual(namesWithoutOrder(settings, longer), []);
  assert.deepEqual(
    namesWithoutOrder(settings, { ...config, acme: { ...config.acme, isOn: false } }),
    [],
  );
});

test("an address or a name that cannot be is refused in one sentence", async (t) => {
  const data = await temporary(t);
  const at = { data, address: ["192.0.2.25"] };
  assert.throws(() => settingsOf("ann", at), /"ann" is not the address of a first account/);
  assert.throws(() => settingsOf("ann@localhost", at), /is not the address of a first account/);
  assert.throws(
    () => settingsOf("ann@example.org", { ...at, hostname: "mail" }),
    /"mail" is not the whole name of a host, such as mail\.example\.org/,
  );
  assert.throws(
    () => settingsOf("ann@example.org", { ...at, address: ["mail"] }),
    /"mail" is not an address such as/,
  );
  assert.equal(settingsOf("Ann@Bücher.example", at).domain, "xn--bcher-kva.example");
  await writeFile(join(data, "posthouse.toml"), 'hostname = "other.example.org"\n');
  assert.throws(
    () => settingsOf("ann@example.org", { ...at, hostname: "mail.example.org" }),
    /posthouse\.toml says that this host is other\.example\.org: change "hostname" there/,
  );
  assert.throws(() => smarthostOf({ smarthost: "http://x" }), /is not a relay such as/);
  assert.throws(() => smarthostOf({ smarthost: "x", smarthostUser: "u" }), /go together/);
  assert.deepEqual(smarthostOf({ smarthost: "relay.test:465" }), { via: "smtps://relay.test:465" });
});

test("systemd's files are written once, and only what differs is written again", async (t) => {
  const root = await temporary(t);
  const ran: string[] = [];
  const options = {
    root,
    installation: installation(),
    run: (...command: string[]) => void ran.push(command.join(" ")),
  };
  const steps = systemdSteps(options);
  assert.match(steps[0]?.says ?? "", /^link \/opt\/posthouse\/current to /);
  for (const step of steps) step.do();
  assert.deepEqual(ran, [
    "systemd-sysusers posthouse.conf",
    "systemd-tmpfiles --create posthouse.conf",
    "systemctl daemon-reload",
  ]);
  assert.ok((await readdir(join(root, "etc/systemd/system"))).includes("posthouse-auth.service"));
  assert.equal(await readlink(join(root, "opt/posthouse/current")), installation());
  assert.deepEqual(systemdSteps(options), []);
  await writeFile(join(root, "etc/systemd/system/posthouse.target"), "changed");
  assert.deepEqual(
    systemdSteps(options).map(({ says }) => says),
    ["write 1 unit into /etc/systemd/system"],
  );
  await rm(join(root, "opt/posthouse/current"));
  await mkdir(join(root, "elsewhere"));
  await symlink(join(root, "elsewhere"), join(root, "opt/posthouse/current"));
  assert.throws(() => systemdSteps(options), /which is another installation than this one/);
});

test("the web server that has the ports is told what it needs; one that is not known, all of it", () => {
  const names = ["mail.example.org", "autoconfig.example.org"];
  assert.match(webServerSnippet("nginx", names, 8080), /server_name mail\.example\.org autoconfig/);
  assert.doesNotMatch(webServerSnippet("nginx", names, 8080), /Apache/);
  assert.match(webServerSnippet("apache2", names, 8080), /ServerAlias autoconfig\.example\.org/);
  assert.match(webServerSnippet(undefined, names, 8080), /nginx[\s\S]*Apache[\s\S]*Caddy/);
});
