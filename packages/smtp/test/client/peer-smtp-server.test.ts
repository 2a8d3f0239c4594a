import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { SmtpClientSession, TlsPolicy } from "@posthouse/smtp";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { connectTo, message, octetsOf } from "./example-message.ts";
import { tlsIdentity } from "./tls-identity.ts";

/** smtp-server of npm: a server that we did not write. It keeps what it is sent. */
async function peer(options: SMTPServerOptions) {
  const kept: string[] = [];
  const server = new SMTPServer({
    ...tlsIdentity,
    authOptional: true,
    logger: false,
    onRcptTo: ({ address }, _session, callback) =>
      callback(address.startsWith("no") ? new Error("No such user") : null),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        kept.push(Buffer.concat(chunks).toString("latin1"));
        const full = (): Error => Object.assign(new Error("Full"), { responseCode: 452 });
        const each = session.envelope.rcptTo.map(({ address }) =>
          address.startsWith("full") ? full() : "Kept",
        );
        if (options.lmtp === true) callback(null, each as unknown as string);
        else callback(null, "Kept");
      });
    },
    onAuth: ({ username, password }, _session, callback) =>
      callback(null, username === "ann" && password === "secret" ? { user: "ann" } : {}),
    ...options,
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const address = server.server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    port: address.port,
    kept,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const text = `Subject: dots\r\n\r\n.\r\n..\r\n...three\r\n${"x".repeat(70_000)}\r\n.end`;
const answers = async (session: SmtpClientSession): Promise<number[]> => {
  const recipients = ["bob", "no", "full"].map((name) => ({ address: `${name}@b.test` }));
  const outcome = await session.send(message({ recipients, octets: octetsOf(text) }));
  return outcome.recipients.map(({ reply }) => reply.code);
};

const kinds: {
  name: string;
  options: SMTPServerOptions;
  tls: TlsPolicy["mode"];
  codes: number[];
}[] = [
  {
    name: "in the clear",
    options: { hideSTARTTLS: true },
    tls: "opportunistic",
    codes: [250, 550, 250],
  },
  { name: "with STARTTLS", options: {}, tls: "opportunistic", codes: [250, 550, 250] },
  {
    name: "with TLS from the start",
    options: { secure: true },
    tls: "implicit",
    codes: [250, 550, 250],
  },
  {
    name: "without PIPELINING",
    options: { hidePIPELINING: true },
    tls: "off",
    codes: [250, 550, 250],
  },
  { name: "as LMTP", options: { lmtp: true }, tls: "off", codes: [250, 550, 452] },
];
for (const { name, options, tls, codes } of kinds) {
  test(`smtp-server ${name} takes three messages in one session, octet for octet`, async () => {
    await using server = await peer(options);
    const session = await connectTo(server.port, {
      flavour: options.lmtp === true ? "lmtp" : "smtp",
      tls: { mode: tls, options: { rejectUnauthorized: false } },
    });
    for (let time = 0; time < 3; time += 1) assert.deepEqual(await answers(session), codes);
    assert.equal(session.isEncrypted, tls === "implicit" || name === "with STARTTLS");
    await session.quit();
    assert.deepEqual(server.kept, [`${text}\r\n`, `${text}\r\n`, `${text}\r\n`]);
  });
}

for (const method of ["PLAIN", "LOGIN"]) {
  test(`AUTH ${method} logs in with the right password and not with another`, async () => {
    await using server = await peer({ authMethods: [method] });
    const logIn = async (password: string): Promise<number> => {
      const session = await connectTo(server.port, { tls: { mode: "opportunistic" } });
      const { code } = await session.auth({ username: "ann", password });
      await session.quit();
      return code;
    };
    assert.equal(await logIn("secret"), 235);
    assert.equal(await logIn("guess"), 535);
  });
}

test("a password is not sent in the clear", async () => {
  await using server = await peer({ allowInsecureAuth: true, hideSTARTTLS: true });
  const session = await connectTo(server.port);
  const refused = await session.auth({ username: "ann", password: "secret" });
  assert.deepEqual([refused.code, refused.enhanced], [538, "5.7.11"]);
  const credentials = { username: "ann", password: "secret", isPlaintextAllowed: true };
  assert.equal((await session.auth(credentials)).code, 235);
  await session.quit();
});
