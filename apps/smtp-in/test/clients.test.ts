import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import nodemailer from "nodemailer";
import { testApp } from "./test-app.ts";

for (const name of ["submission", "submissions"] as const) {
  test(`nodemailer submits over ${name}, and the envelope says how`, async () => {
    await using app = await testApp();
    const transport = nodemailer.createTransport({
      host: "127.0.0.1",
      port: app.port(name),
      secure: name === "submissions",
      requireTLS: true,
      auth: { user: "ann@example.test", pass: "tea" },
      tls: { rejectUnauthorized: false },
    });
    const sent = await transport.sendMail({
      from: "ann@example.test",
      to: "bob@example.test",
      subject: "Grüße",
      text: "Hello",
    });
    transport.close();
    assert.match(sent.response, /^250 2\.0\.0 Ok: queued as [0-9a-z]{17}$/);
    const [mail] = app.delivery?.handedOver ?? [];
    assert.equal(mail?.envelope.authenticatedAs, "ann@example.test");
    assert.equal(mail?.envelope.client.protocol, "ESMTPSA");
    assert.match(mail?.message ?? "", /with ESMTPSA id \w+\r\n\t\(TLSv1\.3 TLS_\w+\)\r\n\tfor </);
  });
}

test("smtp-in loads no native addon and no database", () => {
  const program = `
    await import(${JSON.stringify(new URL("../src/app.ts", import.meta.url).href)});
    const { sharedObjects } = process.report.getReport();
    console.log(JSON.stringify(sharedObjects.filter((path) => path.endsWith(".node"))));
  `;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  assert.equal(stdout.toString().trim(), "[]");
});
