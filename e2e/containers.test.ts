import assert from "node:assert/strict";
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { appNames } from "@posthouse/service";
import { type ComposeService, readServices } from "./compose-file.ts";
import { hasPrograms, run } from "./program.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { readUnit } from "./unit-file.ts";

const root = join(import.meta.dirname, "..");
const composeFile = join(root, "docker-compose.yml");
const services = readServices(composeFile);
const servers = services.filter(({ name }) => name !== "admin");

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "posthouse-containers-"));
  await chmod(directory, 0o755);
});
after(() => rm(directory, { recursive: true, force: true }));

const tomlIn = (place: string) => `
hostname = "mail.example.test"
data_dir = "${place}/lib"
run_dir = "${place}/run"
auth.bcrypt_cost = 4
smtp_in.listeners = [{ kind = "mx", address = "127.0.0.1", port = 0 }]
imap.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
pop3.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
managesieve.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
smtp_out.send = false
`;

test("docker-compose finds nothing wrong with docker-compose.yml", async (t) => {
  if (!hasPrograms(t, "docker-compose")) return;
  const { code, stdout, stderr } = await run("docker-compose", ["-f", composeFile, "config", "-q"]);
  assert.deepEqual({ code, said: stdout + stderr }, { code: 0, said: "" });
});

test("there is a service for every server, checked for its own health", () => {
  assert.deepEqual(
    servers.map(({ name, command, healthCommand }) => ({ name, command, healthCommand })),
    appNames.map((name) => ({
      name,
      command: ["posthouse", name],
      healthCommand: ["posthouse", "health", name],
    })),
  );
});

test("nobody is behind a bridge, and only those whom nobody connects to have no network", () => {
  for (const { name, networkMode } of services) {
    const isReached = !["auth", "lmtp-delivery", "admin"].includes(name);
    assert.equal(networkMode, isReached ? "host" : "none", name);
  }
});

for (const { name, volumes } of servers) {
  test(`${name} has a volume for everything that its systemd unit may write`, () => {
    const unit = readUnit(join(root, "deploy/systemd", `posthouse-${name}.service`));
    const written = (unit.value("ReadWritePaths") ?? "").split(" ");
    assert.ok(written.length > 1);
    for (const path of written) {
      assert.ok(
        [...volumes.keys()].some((at) => path === at || path.startsWith(`${at}/`)),
        path,
      );
    }
  });
}

/** `posthouse …`, as it stands in the file, with the command line of this tree and this configuration. */
const withOurs = (command: readonly string[], config: string): string[] => [
  join(root, "apps/cli/bin/posthouse"),
  ...command.slice(1),
  "--config",
  config,
];

/** As the image's user: any number that nobody has. */
const IMAGE_USER = 61_600;

/**
 * The command as in its container, which root can do without one: /var/lib/posthouse is read-only but
 * for the service's volumes, and there is no network where it says so.
 */
function contained(service: ComposeService, place: string, command: readonly string[]): string[] {
  const script = ["set -e", `mount --bind ${place}/lib ${place}/lib`];
  for (const [at, volume] of service.volumes) {
    const target = at
      .replace("/run/posthouse", `${place}/run`)
      .replace("/var/lib/posthouse", `${place}/lib`);
    script.push(`mount --bind ${place}/volumes/${volume} ${target}`);
  }
  script.push(`mount -o remount,bind,ro ${place}/lib`);
  script.push(`exec setpriv --reuid=${IMAGE_USER} --regid=${IMAGE_USER} --clear-groups "$@"`);
  const namespaces = service.networkMode === "none" ? ["--mount", "--net"] : ["--mount"];
  return ["unshare", ...namespaces, "sh", "-c", script.join("\n"), "sh", ...command];
}

async function makeVolumes(place: string): Promise<void> {
  await mkdir(place);
  await mkdir(join(place, "volumes"));
  for (const [at, volume] of services.flatMap(({ volumes }) => [...volumes])) {
    const mountPoint = at.replace("/run/posthouse", "run").replace("/var/lib/posthouse", "lib");
    await mkdir(join(place, mountPoint), { recursive: true });
    await mkdir(join(place, "volumes", volume), { recursive: true });
    await chown(join(place, "volumes", volume), IMAGE_USER, IMAGE_USER);
  }
}

test("every service's command serves, is healthy, and ends on SIGTERM with 0", async (t) => {
  if (!hasPrograms(t, "docker-compose")) return;
  const isRoot = process.getuid?.() === 0 && (await run("unshare", ["--mount", "true"])).code === 0;
  if (!isRoot)
    t.diagnostic("only root can mount: the services ran without their read-only file system");
  const place = join(directory, "services");
  await (isRoot ? makeVolumes(place) : mkdir(place));
  const config = join(place, "posthouse.toml");
  await writeFile(config, tomlIn(place));
  const commandOf = (service: ComposeService, command: readonly string[]) => {
    const ours = withOurs(command, config);
    return isRoot ? contained(service, place, ours) : ours;
  };

  await using stack = new AsyncDisposableStack();
  const running = new Map<ComposeService, ServerProcess>();
  for (const service of servers) {
    running.set(service, stack.use(await startServer(commandOf(service, service.command), root)));
  }
  for (const service of servers) {
    const [program = "", ...args] = commandOf(service, service.healthCommand);
    const { code, stdout, stderr } = await run(program, args);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`^${service.name} +serves$`, "m"));
  }
  for (const [{ name }, server] of running) {
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, name);
  }
});

test("what the Dockerfile copies is enough for a server and for the command line", async (t) => {
  if (!hasPrograms(t, "docker-compose")) return;
  const image = join(directory, "image");
  const copied = [
    ...(await readFile(join(root, "Dockerfile"), "utf8")).matchAll(/^COPY (.+) \S+$/gm),
  ];
  const ignored = (await readFile(join(root, ".dockerignore"), "utf8")).split("\n");
  assert.ok(ignored.includes("**/node_modules") && ignored.includes("**/test"));
  for (const path of copied.flatMap(([, paths = ""]) => paths.split(" "))) {
    assert.ok(!ignored.includes(path), `${path} is copied and ignored`);
    await cp(join(root, path), join(image, path), {
      recursive: true,
      filter: (source) => !/\/(node_modules|test)$/.test(source),
    });
  }
  await installed(image);

  const place = join(directory, "from-image");
  await mkdir(place);
  const config = join(place, "posthouse.toml");
  await writeFile(config, tomlIn(place));
  const posthouse = join(image, "apps/cli/bin/posthouse");
  assert.equal((await run(posthouse, ["--version"])).code, 0);
  for (const app of appNames) {
    await using _server = await startServer([posthouse, app, "--config", config], image);
  }
});

/** What `npm ci` would make of it: the packages of others from here, ours from the copy. */
async function installed(image: string): Promise<void> {
  const ours = join(image, "node_modules/@posthouse");
  await mkdir(ours, { recursive: true });
  for (const name of await readdir(join(root, "node_modules"))) {
    if (name === "@posthouse") continue;
    await symlink(join(root, "node_modules", name), join(image, "node_modules", name));
  }
  for (const name of await readdir(join(image, "packages"))) {
    await symlink(join(image, "packages", name), join(ours, name));
  }
}
