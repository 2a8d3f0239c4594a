import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { SpoolReader } from "@posthouse/file-spool";
import { webhooksDirectoryOf } from "@posthouse/service";
import { newWebhookSecret, signWebhook, WebhookWriter } from "@posthouse/webhooks";
import { makeAuthority } from "./authority.ts";
import { type SendingHost, sendingHost } from "./sending-host.ts";

const authority = makeAuthority();
after(() => authority[Symbol.dispose]());
const identity = authority.issue("hooks.there.example");
const secret = newWebhookSecret();

interface Heard {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A web server that answers what it is told to; what it heard, one after the other. */
async function webServer(answers: readonly number[]) {
  const heard: Heard[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer(identity, (request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
    request.on("end", () => {
      response.statusCode = answers[heard.length] ?? 200;
      response.setHeader("Location", "https://hooks.there.example/elsewhere");
      heard.push({ path: request.url ?? "", headers: request.headers, body });
      response.end();
      for (const wake of waiting.splice(0)) wake();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    heard,
    url: `https://hooks.there.example:${port}/mail`,
    async hears(count: number): Promise<void> {
      while (heard.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function hostTelling(url: string, smtpOut = ""): Promise<SendingHost> {
  const host = await sendingHost({
    zone: { "hooks.there.example": { a: ["127.0.0.1"] } },
    smtpOut: `tls_ca_file = "ca.pem"\n${smtpOut}\n[sieve]\nnotify_hosts = ["${new URL(url).host}"]\n`,
    webhooks: { ann: { url, secret } },
    webhookRetryMs: 1,
  });
  await writeFile(join(host.context.directory, "ca.pem"), authority.cert);
  await mkdir(webhooksDirectoryOf(host.context.config), { recursive: true });
  return host;
}

const writerOf = ({ context }: SendingHost) =>
  new WebhookWriter(webhooksDirectoryOf(context.config));

/** Resolves when nothing waits to be told. */
async function settled({ context }: SendingHost): Promise<void> {
  const directory = webhooksDirectoryOf(context.config);
  const reader = new SpoolReader({ directory, bytesMax: 100_000 });
  for (;;) {
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    using _watch = reader.watch(resolve);
    if ((await reader.list()).length === 0) return;
    await woken;
  }
}

test("an account's web server hears of mail, signed anew at each try, until it has heard", async () => {
  await using web = await webServer([503, 302]);
  await using host = await hostTelling(web.url);
  await host.start();
  await writerOf(host).write({ version: 1, account: "ann", id: "m1", body: '{"a":1}' });
  await writerOf(host).write({ version: 1, account: "ann", id: "m2", body: '{"a":2}' });
  await settled(host);
  const ids = web.heard.map(({ headers }) => headers["webhook-id"]);
  assert.deepEqual(ids, ["m1", "m1", "m1", "m2"]);
  for (const { path, headers, body } of web.heard) {
    assert.equal(path, "/mail");
    assert.equal(headers["content-type"], "application/json");
    const timestamp = Number(headers["webhook-timestamp"]);
    assert.ok(Math.abs(timestamp - Date.now() / 1000) < 60);
    const id = String(headers["webhook-id"]);
    assert.equal(headers["webhook-signature"], signWebhook(secret, { id, timestamp, body }));
  }
});

test("what was not heard is told after a restart", async () => {
  await using web = await webServer([500]);
  await using host = await hostTelling(web.url);
  const first = await host.start();
  await writerOf(host).write({ version: 1, account: "ann", id: "m1", body: "{}" });
  await web.hears(1);
  await first.close();
  await host.start();
  await settled(host);
  assert.ok(web.heard.length >= 2);
});

test("who says 410, was removed, or is not listed any more hears nothing", async () => {
  await using web = await webServer([410]);
  await using host = await hostTelling(web.url);
  await host.start();
  const note = { version: 1, id: "m1", body: "{}" } as const;
  await writerOf(host).write({ ...note, account: "ann" });
  await writerOf(host).write({ ...note, account: "nobody" });
  await writerOf(host).write({ ...note, account: "ann", url: "https://other.there.example/" });
  await settled(host);
  assert.equal(web.heard.length, 1);
});

test("a URL of a filter is told as it is, without a signature", async () => {
  await using web = await webServer([]);
  await using host = await hostTelling(web.url);
  await host.start();
  const url = web.url.replace("/mail", "/notify?x=1");
  await writerOf(host).write({ version: 1, account: "bob", id: "n1", url, body: '{"m":"ü"}' });
  await settled(host);
  const [heard] = web.heard;
  assert.equal(heard?.path, "/notify?x=1");
  assert.equal(heard?.body, '{"m":"ü"}');
  assert.equal(heard?.headers["webhook-signature"], undefined);
});

test("our own network is told nothing, whatever a name stands for", async () => {
  await using web = await webServer([]);
  await using host = await hostTelling(web.url);
  Object.assign(host.context.config.smtpOut, { privateDestinations: false });
  const { promise: said, resolve } = Promise.withResolvers<string>();
  const log = Object.assign(Object.create(host.context.log) as typeof host.context.log, {
    info: (about: { readonly why?: string }) => {
      if (about.why !== undefined) resolve(about.why);
    },
  });
  Object.assign(host.context, { log });
  await host.start();
  await writerOf(host).write({ version: 1, account: "ann", id: "m1", body: "{}" });
  assert.match(await said, /hooks\.there\.example has no public address/);
  assert.equal(web.heard.length, 0);
});
