import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { serveAuth, told } from "./serve.ts";

const ADDRESS = "ann@example.org";
const timestamp = "<1896.697170952@dbc.mtview.ca.us>";

test("an account logs in with APOP from when a secret is made until it is removed", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  const ann = await admin.addAccount({ address: ADDRESS, password: "correct" });
  const apop = (secret: string, username = ADDRESS) =>
    auth.authenticateApop({
      username,
      timestamp,
      digest: createHash("md5").update(`${timestamp}${secret}`).digest("hex"),
      protocol: "pop3",
      remoteAddress: "192.0.2.7",
    });
  assert.equal((await apop("correct")).kind, "refused");
  assert.equal((await apop("a secret that nobody has")).kind, "refused");

  const secret = await admin.makeApopSecret(ADDRESS);
  assert.match(secret, /^[a-z0-9]{26}$/);
  assert.deepEqual(told(await apop(secret)), { kind: "ok", account: ann });
  assert.equal((await apop("correct")).kind, "refused");
  assert.equal((await apop(secret, "bob")).kind, "refused");
  const asPassword = { username: "ann", password: secret, protocol: "pop3" } as const;
  const login = await auth.authenticate({ ...asPassword, remoteAddress: "192.0.2.7" });
  assert.equal(login.kind, "refused");

  const another = await admin.makeApopSecret(ADDRESS);
  assert.equal((await apop(secret)).kind, "refused");
  assert.equal((await apop(another)).kind, "ok");
  assert.deepEqual(
    (await admin.listApopSecrets()).map(({ address }) => address),
    [ADDRESS],
  );
  await admin.removeApopSecret(ADDRESS);
  assert.equal((await apop(another)).kind, "refused");
  await assert.rejects(admin.removeApopSecret(ADDRESS), { code: "not-found" });
});

test("wrong digests are banned as wrong passwords are", async () => {
  await using served = await serveAuth();
  const { auth } = served;
  const guess = (digest: string) =>
    auth.authenticateApop({
      username: "nobody",
      timestamp,
      digest: digest.padStart(32, "0"),
      protocol: "pop3",
      remoteAddress: "192.0.2.7",
    });
  for (let n = 0; n < 10; n += 1) assert.equal((await guess(`${n}`)).kind, "refused");
  assert.equal((await guess("a")).kind, "banned");
});
