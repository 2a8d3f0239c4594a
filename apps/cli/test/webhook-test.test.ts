import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ZoneResolver } from "@posthouse/dns/zone";
import { makeSelfSignedCertificate } from "@posthouse/service";
import { testWebhook } from "../src/webhook-test.ts";

test("a webhook is tested with one signed message, and what it answers is told", async (t) => {
  const name = "hooks.example.test";
  const made = makeSelfSignedCertificate({ names: [name], notBefore: new Date(), days: 1 });
  let status = 204;
  const heard: string[] = [];
  const server = createServer({ cert: made.certificate, key: made.key }, (request, response) => {
    heard.push(String(request.headers["webhook-signature"]));
    response.statusCode = status;
    request.resume().on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const url = `https://${name}:${port}/mail`;
  const tell = ({ isOwnNetworkTold = true, isSet = true } = {}) =>
    testWebhook(
      { id: "a1", address: "ann@example.test" },
      {
        async signWebhook({ accountId, body }) {
          assert.equal(accountId, "a1");
          assert.match(body, /^{"type":"test",.*"account":"ann@example\.test"/);
          return isSet ? { url, signature: "v1,signed" } : undefined;
        },
      },
      {
        resolver: new ZoneResolver({ [name]: { A: ["127.0.0.1"] } }),
        ca: made.certificate,
        arePrivateAddressesAllowed: isOwnNetworkTold,
      },
    );
  assert.equal(await tell(), `${name}:${port} answered 204: it has heard`);
  assert.deepEqual(heard, ["v1,signed"]);
  status = 500;
  await assert.rejects(tell(), /answered 500: of mail it would be told again/);
  status = 410;
  await assert.rejects(tell(), /answered 410: it wants to hear nothing/);
  await assert.rejects(tell({ isOwnNetworkTold: false }), /cannot be told: .* no public address/);
  await assert.rejects(tell({ isSet: false }), /ann@example\.test has no webhook/);
});
