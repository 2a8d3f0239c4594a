import assert from "node:assert/strict";
import { test } from "node:test";
import type { SmtpServerOptions } from "@posthouse/smtp";
import nodemailer from "nodemailer";
import { testAuthentication, testIdentity, testServer } from "./test-server.ts";

const handler = testAuthentication as SmtpServerOptions["handler"];

for (const mode of ["starttls", "implicit"] as const) {
  test(`nodemailer sends over ${mode} TLS, with a password, dots and an attachment of 300 KB`, async () => {
    await using server = await testServer({
      tls: { mode, identity: testIdentity },
      isAuthRequired: () => true,
      handler,
    });
    const transport = nodemailer.createTransport({
      host: "127.0.0.1",
      port: server.port,
      secure: mode === "implicit",
      requireTLS: true,
      auth: { user: "ann@example.test", pass: "tea" },
      tls: { rejectUnauthorized: false },
    });
    const content = "A line\r\n.\r\n..\r\n".repeat(20_000);
    await transport.sendMail({
      from: "ann@example.test",
      to: ["bob@example.test", "Zoë <zoe@example.test>"],
      subject: "Grüße",
      text: ".\r\n..\r\nend",
      attachments: [{ filename: "lines.txt", content, encoding: "utf8" }],
    });
    transport.close();
    const [mail] = server.received;
    assert.ok(mail);
    assert.deepEqual(
      mail.recipients.map(({ address }) => address),
      ["bob@example.test", "zoe@example.test"],
    );
    assert.equal(mail.peer.authenticatedAs, "ann@example.test");
    assert.equal(mail.peer.protocol, "ESMTPSA");
    assert.match(mail.peer.tls?.version ?? "", /^TLSv1\.[23]$/);
    assert.match(mail.message, /^From: ann@example\.test\r\n/);
    assert.match(mail.message, /\r\n\r\n\.\r\n\.\.\r\nend\r\n/);
    assert.ok(mail.message.length > 300_000);
  });
}
