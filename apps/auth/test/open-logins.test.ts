import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type AdminClient,
  type AuthClient,
  connectAdmin,
  type LoginProtocol,
} from "@posthouse/accounts";
import { Secrets } from "@posthouse/accounts/directory";
import { testContext } from "@posthouse/service";
import { start } from "../src/app.ts";
import { serveAuth } from "./serve.ts";

const ANN = "ann@example.org";

async function withAnn() {
  const served = await serveAuth();
  await served.admin.addDomain("example.org");
  await served.admin.addAccount({ address: ANN, password: "correct" });
  const { password } = await served.admin.addAppPassword({
    address: ANN,
    name: "phone",
    scopes: ["imap"],
  });
  return { ...served, appPassword: password };
}

/** Logs in and watches, as a server's session does: what became of it is in `ended`. */
async function open(auth: AuthClient, password: string, protocol: LoginProtocol = "imap") {
  const result = await auth.authenticate({
    username: "ann",
    password,
    protocol,
    remoteAddress: "192.0.2.7",
  });
  assert.equal(result.kind, "ok");
  const end = Promise.withResolvers<void>();
  const session = { hasEnded: false, ended: end.promise };
  if (result.kind === "ok") {
    result.onEnd?.(() => {
      session.hasEnded = true;
      end.resolve();
    });
  }
  return session;
}

const changes: readonly {
  readonly name: string;
  readonly make: (admin: AdminClient) => Promise<unknown>;
  readonly ends: readonly ("own" | "app")[];
}[] = [
  { name: "disabled", make: (admin) => admin.setDisabled(ANN, "logins"), ends: ["own", "app"] },
  {
    name: "put away",
    make: (admin) => admin.putAccountAway(ANN, Date.now() + 60_000),
    ends: ["own", "app"],
  },
  { name: "removed", make: (admin) => admin.removeAccount(ANN), ends: ["own", "app"] },
  {
    name: "removed with its domain",
    make: (admin) => admin.removeDomain("example.org", { force: true }),
    ends: ["own", "app"],
  },
  {
    name: "on its way to another address",
    make: (admin) => admin.beginRename(ANN, "anne@example.org"),
    ends: ["own", "app"],
  },
  {
    name: "on its way with its domain",
    make: (admin) => admin.beginDomainRename("example.org", "example.net"),
    ends: ["own", "app"],
  },
  { name: "given another password", make: (admin) => admin.setPassword(ANN, "new"), ends: ["own"] },
  {
    name: "given the same password anew",
    make: (admin) => admin.setPassword(ANN, "correct"),
    ends: ["own"],
  },
  {
    name: "left its app passwords alone",
    make: (admin) => admin.setAppPasswordsOnly(ANN, true),
    ends: ["own"],
  },
  {
    name: "without one of its app passwords",
    make: (admin) => admin.revokeAppPassword(ANN, "phone"),
    ends: ["app"],
  },
  { name: "given room", make: (admin) => admin.setQuota(ANN, { quotaBytes: 1 }), ends: [] },
];

describe("before the change is answered", () => {
  for (const { name, make, ends } of changes) {
    test(`sessions of an account that is ${name}: ${ends.join(" and ") || "none"} end`, async () => {
      await using served = await withAnn();
      const own = await open(served.auth, "correct");
      const app = await open(served.auth, served.appPassword);
      await make(served.admin);
      assert.equal(own.hasEnded, ends.includes("own"), "own");
      assert.equal(app.hasEnded, ends.includes("app"), "app");
    });
  }
});

test("a session of somebody else, and one that is over, hear nothing", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  await admin.addAccount({ address: "bob@example.org", password: "correct" });
  const request = { password: "correct", protocol: "imap", remoteAddress: "192.0.2.7" } as const;
  const ended: string[] = [];
  for (const username of ["bob", "ann"]) {
    const result = await auth.authenticate({ ...request, username });
    assert.equal(result.kind, "ok");
    const watch = result.kind === "ok" ? result.onEnd?.(() => ended.push(username)) : undefined;
    if (username === "ann") watch?.[Symbol.dispose]();
  }
  await admin.setDisabled(ANN, "logins");
  assert.deepEqual(ended, []);
});

test("a change between a login and its session ends the session as soon as it begins", async () => {
  await using served = await withAnn();
  const result = await served.auth.authenticate({
    username: "ann",
    password: "correct",
    protocol: "imap",
    remoteAddress: "192.0.2.7",
  });
  await served.admin.setPassword(ANN, "new");
  assert.equal(result.kind, "ok");
  await new Promise<void>((resolve) => {
    if (result.kind === "ok") result.onEnd?.(resolve);
  });
});

test("keeping a password in another form ends nothing: only another password is another version", async () => {
  await using context = await testContext();
  const secrets = new Secrets({ path: join(context.directory, "secrets.sqlite") });
  const version = () => secrets.password("a")?.version;
  secrets.setPassword("a", { hash: "old", isPrepared: false });
  assert.equal(version(), 1);
  assert.ok(secrets.replacePassword("a", "old", { hash: "anew", isPrepared: true }));
  assert.equal(version(), 1);
  secrets.setPassword("a", { hash: "other", isPrepared: true });
  assert.equal(version(), 2);
  secrets.close();
});

test("what happened while auth was away is found when it is back, and only that ends", async () => {
  await using served = await withAnn();
  const { auth, context } = served;
  const { socketPath, adminSocketPath } = context.config.auth;
  const own = await open(auth, "correct");
  const app = await open(auth, served.appPassword);
  await served.app.close();

  // Another auth makes the change where the servers do not hear it.
  const elsewhere = { ...context.config.auth, socketPath: `${socketPath}.elsewhere` };
  await using other = await testContext();
  const quiet = await start({ ...other, config: { ...context.config, auth: elsewhere } });
  {
    await using admin = connectAdmin({ socketPath: adminSocketPath });
    await admin.setPassword(ANN, "new");
  }
  await quiet.close();
  assert.equal(own.hasEnded, false);

  await using third = await testContext();
  const again = await start({ ...third, config: context.config });
  await own.ended;
  assert.equal(app.hasEnded, false);
  await again.close();
});
