import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import {
  type AuthClient,
  authenticateBySasl,
  type SaslChannel,
  SaslError,
  type SaslLogin,
  type ScramHash,
  saslMechanisms,
} from "@posthouse/accounts";
import { checkScramProof, makeScramKeys } from "@posthouse/accounts/directory";
import fc from "fast-check";

const noTls: SaslChannel = { channelBinding: () => undefined, certifiedAddresses: [] };
const tls: SaslChannel = {
  channelBinding: (type) => Buffer.from(`octets of ${type}`),
  certifiedAddresses: [],
};
const account = { id: "user000000000000", address: "user@example.org" };
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** auth with one user, whose keys are as the RFCs' examples have them. */
async function authOf(hash: ScramHash, salt: string, password = "pencil"): Promise<AuthClient> {
  const keys = await makeScramKeys(Buffer.from(password), {
    hash,
    salt: Buffer.from(salt, "base64"),
    iterations: 4096,
  });
  const part: Partial<AuthClient> = {
    scramChallenge: async () => ({ kind: "challenge", salt, iterations: 4096 }),
    authenticateScram: async ({ username, authMessage, proof }) => {
      const tried = { hash, authMessage, proof: Buffer.from(proof, "base64") };
      const signature = checkScramProof(keys, tried);
      if (signature === undefined || username !== "user") return { kind: "refused" };
      return { kind: "ok", account, serverSignature: signature.toString("base64") };
    },
  };
  return part as AuthClient;
}

/** Leads a login in which the client says `lines`, in the clear, one after the other. */
async function play(
  name: string,
  lines: (heard: readonly string[]) => string,
  more: Partial<SaslLogin> & Pick<SaslLogin, "auth">,
) {
  const heard: string[] = [];
  const result = await authenticateBySasl(name, {
    protocol: "imap",
    remoteAddress: "192.0.2.1",
    channel: noTls,
    initialResponse: base64(lines(heard)),
    ask: async (challenge) => {
      heard.push(Buffer.from(challenge, "base64").toString());
      return base64(lines(heard));
    },
    ...more,
  });
  return { result, heard };
}

test("SCRAM-SHA-1 answers as the example of RFC 5802 §5", async () => {
  const says = [
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "",
  ];
  const { result, heard } = await play("SCRAM-SHA-1", (so) => says[so.length] ?? "", {
    auth: await authOf("sha1", "QSXCR+Q6sek8bf92"),
    newNonce: () => "3rfcNHYJY1ZVvWVs7j",
  });
  assert.deepEqual(heard, [
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
  ]);
  assert.deepEqual(result, { kind: "ok", account });
});

test("SCRAM-SHA-256 answers as the example of RFC 7677 §3", async () => {
  const says = [
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "",
  ];
  const { result, heard } = await play("SCRAM-SHA-256", (so) => says[so.length] ?? "", {
    auth: await authOf("sha256", "W22ZaJ0SNY7soEsUEjb6gQ=="),
    newNonce: () => "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  });
  assert.deepEqual(heard, [
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  ]);
  assert.deepEqual(result, { kind: "ok", account });
});

interface Tries {
  readonly password?: string;
  readonly header?: string;
  /** What the client believes to see of TLS. */
  readonly sees?: string;
  readonly changeFinal?: (final: string) => string;
}

/** A client of SCRAM-SHA-256 that computes its proof. */
function client({ password = "pencil", header = "n,,", sees = "", changeFinal }: Tries) {
  const bare = "n=user,r=abc";
  return (heard: readonly string[]): string => {
    const [serverFirst] = heard;
    if (serverFirst === undefined) return header + bare;
    if (heard.length > 1) return "";
    const [, nonce = "", salt = "", rounds] = /^r=(.+),s=(.+),i=(\d+)$/.exec(serverFirst) ?? [];
    const withoutProof = `c=${base64(header + sees)},r=${nonce}`;
    const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
    const clientKey = createHmac("sha256", salted).update("Client Key").digest();
    const signature = createHmac("sha256", createHash("sha256").update(clientKey).digest())
      .update(`${bare},${serverFirst},${withoutProof}`)
      .digest();
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0)));
    const final = `${withoutProof},p=${proof.toString("base64")}`;
    return changeFinal?.(final) ?? final;
  };
}

const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";
const plus = "SCRAM-SHA-256-PLUS";

async function outcome(name: string, tries: Tries, channel: SaslChannel): Promise<string> {
  try {
    const auth = await authOf("sha256", SALT);
    return (await play(name, client(tries), { auth, channel })).result.kind;
  } catch (error) {
    if (error instanceof SaslError) return error.code;
    throw error;
  }
}

test("a right proof is let in, and a wrong password, nonce or binding is not", async () => {
  const sees = "octets of tls-exporter";
  const exporter = { header: "p=tls-exporter,,", sees };
  const endPoint = { header: "p=tls-server-end-point,,", sees: "octets of tls-server-end-point" };
  const cases: [string, Tries, SaslChannel, string][] = [
    ["SCRAM-SHA-256", {}, noTls, "ok"],
    ["SCRAM-SHA-256", { header: "y,,", sees: "" }, noTls, "ok"],
    ["SCRAM-SHA-256", { header: "n,a=user,", sees: "" }, noTls, "ok"],
    ["SCRAM-SHA-256", { header: "n,a=bob,", sees: "" }, noTls, "not-authorized"],
    ["SCRAM-SHA-256", { password: "pen" }, noTls, "refused"],
    ["SCRAM-SHA-256", { sees: "x" }, noTls, "not-authorized"],
    ["SCRAM-SHA-256", { changeFinal: (it) => it.replace(",r=", ",r=x") }, noTls, "not-authorized"],
    ["SCRAM-SHA-256", { changeFinal: (it) => it.replace(",p=", ",p=AAAA") }, noTls, "refused"],
    ["SCRAM-SHA-256", { changeFinal: () => "c=biws,r=abc" }, noTls, "malformed"],
    ["SCRAM-SHA-256", { changeFinal: () => "" }, noTls, "malformed"],
    [plus, exporter, tls, "ok"],
    [plus, endPoint, tls, "ok"],
    // RFC 5802 §6: somebody between us sees another TLS connection, or hides ours.
    [plus, { ...exporter, sees: "octets of another" }, tls, "not-authorized"],
    ["SCRAM-SHA-256", { header: "y,,", sees: "" }, tls, "not-authorized"],
    ["SCRAM-SHA-256", exporter, tls, "malformed"],
    [plus, {}, tls, "malformed"],
    [plus, { header: "p=tls-unique,,", sees }, tls, "not-authorized"],
    [plus, exporter, noTls, "not-authorized"],
  ];
  for (const [name, tries, channel, expected] of cases) {
    assert.equal(await outcome(name, tries, channel), expected, `${name} ${JSON.stringify(tries)}`);
  }
});

test("whatever a client sends in SCRAM is refused or a SaslError", async () => {
  const auth = await authOf("sha256", SALT);
  const pieces = fc.array(
    fc.constantFrom("n", "y", "p=", "a=", ",", "n=user", "r=a", "m=x", "=2C", "c=biws"),
  );
  const texts = fc.oneof(
    fc.string(),
    pieces.map((some) => some.join(",")),
  );
  await fc.assert(
    fc.asyncProperty(texts, texts, async (first, second) => {
      const lines = (heard: readonly string[]) => (heard.length === 0 ? first : second);
      const failed = await play("SCRAM-SHA-256", lines, { auth }).then(
        ({ result }) => result.kind,
        (error: unknown) => error,
      );
      assert.ok(failed === "refused" || failed instanceof SaslError, String(failed));
    }),
  );
});

test("what is announced is what can work", () => {
  assert.deepEqual(saslMechanisms(noTls), ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
  assert.deepEqual(saslMechanisms(tls), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]);
  const certified = { ...tls, certifiedAddresses: ["ann@example.org"] };
  assert.deepEqual(saslMechanisms(certified, { hasScramSha1: true, takesTokens: true }), [
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "EXTERNAL",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN",
  ]);
});

test("OAUTHBEARER and XOAUTH2 hand over the token, and say why before they refuse", async () => {
  const tokens: unknown[] = [];
  const part: Partial<AuthClient> = {
    authenticateToken: async (request) => {
      tokens.push([request.username, request.token]);
      return request.token === "good" ? { kind: "ok", account } : { kind: "refused" };
    },
  };
  const auth = part as AuthClient;
  // RFC 7628 §4.1, with another token.
  const bearer = (token: string) =>
    `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${token}\x01\x01`;
  const good = await play("OAUTHBEARER", () => bearer("good"), { auth });
  assert.deepEqual(good, { result: { kind: "ok", account }, heard: [] });
  const says = [bearer("bad"), "\x01"];
  const bad = await play("OAUTHBEARER", (heard) => says[heard.length] ?? "", { auth });
  assert.deepEqual(bad, { result: { kind: "refused" }, heard: ['{"status":"invalid_token"}'] });
  const google = "user=user@example.com\x01auth=Bearer good\x01\x01";
  assert.equal((await play("XOAUTH2", () => google, { auth })).result.kind, "ok");
  for (const broken of ["", "n,,", "n,,\x01\x01", "n,,\x01auth=Basic x\x01\x01"]) {
    await assert.rejects(
      play("OAUTHBEARER", () => broken, { auth }),
      SaslError,
    );
    await assert.rejects(
      play("XOAUTH2", () => broken, { auth }),
      SaslError,
    );
  }
  assert.deepEqual(tokens, [
    ["user@example.com", "good"],
    ["user@example.com", "bad"],
    ["user@example.com", "good"],
  ]);
});

test("EXTERNAL sends the certified addresses and whom of them the client means", async () => {
  const asked: unknown[] = [];
  const part: Partial<AuthClient> = {
    authenticateCertified: async ({ addresses, username }) => {
      asked.push([addresses, username]);
      return { kind: "ok", account };
    },
  };
  const channel = { ...tls, certifiedAddresses: ["user@example.org"] };
  await play("EXTERNAL", () => "", { auth: part as AuthClient, channel });
  await play("EXTERNAL", () => "user", { auth: part as AuthClient, channel });
  assert.deepEqual(asked, [
    [["user@example.org"], ""],
    [["user@example.org"], "user"],
  ]);
});
