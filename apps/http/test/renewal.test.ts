import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  acmeCertificateFile,
  loadTls,
  makeSelfSignedCertificate,
  nextKeyFile,
  nextTlsa,
  type TestContext,
  testContext,
  tlsaOfKey,
} from "@posthouse/service";
import { issuedOf } from "../src/acme/issued-certificate.ts";
import { OrderFailure } from "../src/acme/order-failure.ts";
import { type OrderCertificate, Renewal } from "../src/acme/renewal.ts";
import { Renewals } from "../src/acme/renewals.ts";
import { limits } from "../src/limits.ts";
import { certificateFor } from "./made-certificate.ts";

const toml = (more = "") => `
hostname = "mail.example.test"
data_dir = "{directory}"
[acme]
agree_to_terms = true
directory_url = "https://acme.example.test/directory"
${more}
`;

const DAY_MS = 86_400_000;
const startMs = Date.parse("2026-03-01T00:00:00Z");

/** A renewal over the files of `context` with a clock that is set by hand. */
function renewalIn(
  context: TestContext,
  options: { order?: OrderCertificate; atMs?: number } = {},
) {
  const clock = { nowMs: options.atMs ?? startMs };
  const told: string[] = [];
  const orders: string[] = [];
  const renewal = new Renewal({
    config: context.config,
    log: { info: () => {}, error: (text: string) => told.push(text) },
    now: () => clock.nowMs,
    onIssued: () => {},
    order: async (request, signal) => {
      orders.push(request.names.join());
      if (options.order !== undefined) return await options.order(request, signal);
      return certificateFor(request, { notBefore: new Date(clock.nowMs) });
    },
  });
  return { renewal, clock, told, orders };
}

/** What a process that starts at this moment asks the ACME server for. */
async function ordersAt(context: TestContext, atMs: number, order?: OrderCertificate) {
  const { renewal, orders, told } = renewalIn(context, { atMs, ...(order && { order }) });
  await renewal.start();
  await renewal.close();
  return { orders, told };
}

const issuedIn = async (context: TestContext) =>
  issuedOf(await readFile(acmeCertificateFile(context.config), "utf8"));

const refuse: OrderCertificate = async () => {
  throw new OrderFailure("the ACME server is out to lunch");
};

test("a certificate is renewed when two thirds of its life are over, with the same key", async () => {
  await using context = await testContext(toml());
  assert.deepEqual((await ordersAt(context, startMs)).orders, ["mail.example.test"]);
  const first = await issuedIn(context);
  assert.deepEqual((await ordersAt(context, startMs + 59 * DAY_MS)).orders, []);
  assert.deepEqual((await ordersAt(context, startMs + 61 * DAY_MS)).orders, ["mail.example.test"]);
  const second = await issuedIn(context);
  assert.equal(second.key, first.key);
  assert.equal(second.untilMs, first.untilMs + 61 * DAY_MS);
});

test("the key changes when that is asked for", async () => {
  await using context = await testContext(toml());
  const { renewal } = renewalIn(context);
  await renewal.start();
  const { key } = await issuedIn(context);
  assert.equal((await renewal.renewNow({ withNewKey: false })).isDone, true);
  assert.equal((await issuedIn(context)).key, key);
  assert.equal((await renewal.renewNow({ withNewKey: true })).isDone, true);
  assert.notEqual((await issuedIn(context)).key, key);
  await renewal.close();
});

test("a key that was made ahead is the next one, once, and no renewal changes to it by itself", async () => {
  await using context = await testContext(toml());
  const { renewal, clock } = renewalIn(context);
  await renewal.start();
  const before = await issuedIn(context);
  const tlsa = await renewal.prepareKey();
  assert.equal(await renewal.prepareKey(), tlsa);
  clock.nowMs += DAY_MS;
  await renewal.renewNow({ withNewKey: false });
  assert.equal((await issuedIn(context)).key, before.key);
  assert.equal(nextTlsa(context.config), tlsa);

  await renewal.renewNow({ withNewKey: true });
  const after = await issuedIn(context);
  assert.equal(tlsaOfKey(createPublicKey(after.key)), tlsa);
  assert.equal(nextTlsa(context.config), undefined);
  // What a crash leaves: the key in use, kept as the next one. It is none.
  await writeFile(nextKeyFile(context.config), after.key);
  assert.equal(nextTlsa(context.config, tlsa), undefined);
  assert.notEqual(await renewal.prepareKey(), tlsa);
  await renewal.close();
});

test("further certificates are ordered one after the other, each renewed by itself and by its name", async () => {
  await using context = await testContext(
    toml(
      '[[acme.certificates]]\nnames = ["mail.one.test"]\n[[acme.certificates]]\nnames = ["mail.two.test"]',
    ),
  );
  const orders: string[] = [];
  let running = 0;
  const renewals = new Renewals({
    config: context.config,
    log: { info: () => {}, error: () => {} },
    now: () => startMs,
    onIssued: () => {},
    order: async (request) => {
      orders.push(request.names.join());
      assert.equal(++running, 1);
      await Promise.resolve();
      running--;
      if (request.names.includes("mail.two.test")) throw new OrderFailure("it is not ours");
      return certificateFor(request, { notBefore: new Date(startMs) });
    },
  });
  await renewals.start();
  assert.deepEqual(orders, ["mail.example.test", "mail.one.test", "mail.two.test"]);
  const own = await issuedIn(context);
  const file = acmeCertificateFile(context.config, "mail.one.test");
  const one = issuedOf(await readFile(file, "utf8"));
  assert.deepEqual(one.names, ["mail.one.test"]);
  assert.notEqual(one.key, own.key);
  assert.match(
    renewals.problems().join(),
    /^Cannot get a certificate for mail\.two\.test: it is not ours; the host's own goes on being served/,
  );
  assert.equal(
    (await renewals.renewNow({ name: "mail.one.test", withNewKey: false })).isDone,
    true,
  );
  assert.equal(orders.at(-1), "mail.one.test");
  const unknown = await renewals.renewNow({ name: "mail.else.test", withNewKey: false });
  assert.deepEqual(unknown, {
    isDone: false,
    message: "No certificate under [acme] is for mail.else.test",
  });
  await Promise.all([
    renewals.renewNow({ name: "mail.example.test", withNewKey: false }),
    renewals.renewNow({ name: "mail.one.test", withNewKey: false }),
  ]);
  await renewals.close();
});

test("the certificate is for everybody's group, and the account's key for nobody else", async () => {
  await using context = await testContext(toml());
  await ordersAt(context, startMs);
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
  const account = join(context.config.acme.stateDirectory, "account.pem");
  assert.equal((await modeOf(acmeCertificateFile(context.config))) & 0o037, 0);
  assert.equal((await modeOf(acmeCertificateFile(context.config))) & 0o640, 0o640);
  assert.equal(await modeOf(account), 0o600);
});

test("another name, or another ACME server, is a reason to order at once", async () => {
  await using context = await testContext(toml());
  await ordersAt(context, startMs);
  const withNames = (more: string) => ({
    ...context,
    config: {
      ...context.config,
      acme: { ...context.config.acme, names: ["mail.example.test", more] },
    },
  });
  const names = "mail.example.test,autoconfig.example.test";
  assert.deepEqual(
    (await ordersAt(withNames("autoconfig.example.test"), startMs + DAY_MS)).orders,
    [names],
  );
  const elsewhere = {
    ...context,
    config: {
      ...context.config,
      acme: { ...context.config.acme, directoryUrl: "https://other.example.test/directory" },
    },
  };
  assert.equal((await ordersAt(elsewhere, startMs + 2 * DAY_MS)).orders.length, 1);
  assert.equal((await ordersAt(elsewhere, startMs + 2 * DAY_MS)).orders.length, 0);
});

test("after a failure the next try waits, twice as long each time, and restarts do not shorten it", async () => {
  await using context = await testContext(toml());
  let atMs = startMs;
  for (const waitMs of [limits.retryMsMin, 2 * limits.retryMsMin, 4 * limits.retryMsMin]) {
    const { orders, told } = await ordersAt(context, atMs, refuse);
    assert.equal(orders.length, 1);
    assert.equal(told.length, 1);
    assert.match(
      told[0] ?? "",
      /^Cannot get a certificate: the ACME server is out to lunch; the self-made certificate goes on being served, and the next try is at 2026-03-01 \d\d:\d\d UTC$/,
    );
    assert.deepEqual((await ordersAt(context, atMs + waitMs - 1, refuse)).orders, []);
    atMs += waitMs;
  }
  for (let failures = 4; failures < 20; failures++) {
    assert.equal((await ordersAt(context, atMs, refuse)).orders.length, 1);
    atMs += limits.retryMsMax;
  }
  assert.deepEqual((await ordersAt(context, atMs)).orders, ["mail.example.test"]);
});

test("a failing ACME server is told of until it works again, and the old certificate stays", async () => {
  await using context = await testContext(toml());
  await ordersAt(context, startMs);
  const before = await readFile(acmeCertificateFile(context.config), "utf8");
  let isAway = true;
  const { renewal, clock } = renewalIn(context, {
    atMs: startMs + 70 * DAY_MS,
    order: async (request, signal) =>
      isAway
        ? await refuse(request, signal)
        : certificateFor(request, { notBefore: new Date(clock.nowMs) }),
  });
  await renewal.start();
  assert.match(renewal.problems().join(), /the certificate until 2026-05-30 goes on being served/);
  assert.equal(await readFile(acmeCertificateFile(context.config), "utf8"), before);
  isAway = false;
  assert.equal((await renewal.renewNow({ withNewKey: false })).isDone, true);
  assert.deepEqual(renewal.problems(), []);
  await renewal.close();
});

for (const { name, order, problem } of [
  {
    name: "for other names",
    order: async (request) => certificateFor({ ...request, names: ["other.example.test"] }),
    problem: /sent a certificate without mail\.example\.test/,
  },
  {
    name: "for another key",
    order: async ({ names }) =>
      makeSelfSignedCertificate({ names, notBefore: new Date(), days: 90 }).certificate,
    problem: /the certificate is for another key/,
  },
  {
    name: "that has ended",
    order: async (request) => certificateFor(request, { notBefore: new Date(0) }),
    problem: /sent a certificate that has ended/,
  },
  {
    name: "that is none",
    order: async () => "<html>",
    problem: /Cannot get a certificate: the ACME server sent what cannot be used/,
  },
] as const satisfies readonly { name: string; order: OrderCertificate; problem: RegExp }[]) {
  test(`a certificate ${name} does not take the place of the old one`, async () => {
    await using context = await testContext(toml());
    await ordersAt(context, startMs);
    const before = await readFile(acmeCertificateFile(context.config), "utf8");
    const { renewal } = renewalIn(context, { order });
    const { isDone, message } = await renewal.renewNow({ withNewKey: false });
    assert.equal(isDone, false);
    assert.match(message, problem);
    assert.equal(await readFile(acmeCertificateFile(context.config), "utf8"), before);
    await renewal.close();
  });
}

test("a damaged certificate is replaced, and the self-made one shown until then", async () => {
  await using context = await testContext(toml());
  await mkdir(join(context.config.paths.state, "tls"));
  await writeFile(acmeCertificateFile(context.config), "nonsense");
  const complaints: unknown[] = [];
  const tls = loadTls(context.config, (error) => complaints.push(error));
  assert.equal(complaints.length, 1);
  await ordersAt(context, startMs);
  assert.equal(tls.reload(), true);
  tls.close();
});

/** Rows of the crash tables; those of durable-file.ts at the third write, which is that of the certificate. */
const rows = [
  ["A1", 1],
  ["A2", 1],
  ["F1", 3],
  ["A3", 1],
  ["F2", 3],
  ["F3", 3],
  ["F4", 3],
  ["A4", 1],
  ["A5", 1],
] as const;
for (const [row, time] of rows) {
  test(`a process killed at ${row} leaves nothing half done`, async () => {
    await using context = await testContext(toml());
    await writeFile(
      join(context.directory, "posthouse.toml"),
      toml().replaceAll("{directory}", context.directory),
    );
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "crash-child.ts"), context.directory, row, String(time)],
      { stdio: "inherit" },
    );
    assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);

    const hasCertificate = ["F3", "F4", "A4", "A5"].includes(row);
    const accountFile = join(context.config.acme.stateDirectory, "account.pem");
    const account = await readFile(accountFile, "utf8");
    loadTls(context.config, (error) => assert.fail(String(error))).close();
    // Started anew at once: nothing is asked, but where nothing was written down before.
    const { orders } = await ordersAt(context, Date.now());
    assert.equal(orders.length, row === "A1" ? 1 : 0);
    if (hasCertificate) await issuedIn(context);
    // And when the back-off is over there is a certificate, by one order at most, of the same account.
    const later = await ordersAt(context, Date.now() + limits.retryMsMin);
    assert.equal(later.orders.length, row === "A1" || hasCertificate ? 0 : 1);
    assert.deepEqual((await issuedIn(context)).names, ["mail.example.test"]);
    assert.equal(await readFile(accountFile, "utf8"), account);
  });
}
