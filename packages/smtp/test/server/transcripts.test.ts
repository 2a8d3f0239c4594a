import assert from "node:assert/strict";
import { connect as tlsConnect } from "node:tls";
import type { SmtpServerOptions } from "@posthouse/smtp";
import { connectTo, describeTranscripts, type Transcript } from "@posthouse/transcript";
import { testAuthentication, testIdentity, testServer } from "./test-server.ts";

type Kind =
  | "mx"
  | "mx-tls"
  | "mx-trusting"
  | "mx-distrusting"
  | "submission-trusting"
  | "submission"
  | "submissions"
  | "lmtp"
  | "lmtp-ours";

const kinds: Readonly<Record<Kind, Partial<SmtpServerOptions>>> = {
  mx: {},
  "mx-tls": { tls: { mode: "starttls", identity: testIdentity } },
  "mx-distrusting": { mayNameClients: () => false },
  "mx-trusting": {
    mayNameClients: () => true,
    tls: { mode: "starttls", identity: testIdentity },
  },
  "submission-trusting": {
    mayNameClients: () => true,
    isAuthRequired: () => true,
    handler: testAuthentication as SmtpServerOptions["handler"],
  },
  submission: {
    lineEnds: "repair",
    isAuthRequired: () => true,
    tls: { mode: "starttls", identity: testIdentity },
    handler: testAuthentication as SmtpServerOptions["handler"],
  },
  submissions: {
    lineEnds: "repair",
    isAuthRequired: () => true,
    tls: { mode: "implicit", identity: testIdentity },
    handler: testAuthentication as SmtpServerOptions["handler"],
  },
  lmtp: { flavour: "lmtp", isDsnOffered: false },
  "lmtp-ours": {
    flavour: "lmtp",
    isDsnOffered: false,
    isBinaryMimeOffered: true,
    privateExtension: {
      keyword: "XENVELOPE",
      mailParameters: new Set(["XENVELOPE"]),
      rcptParameters: new Set(["XORIGINAL"]),
    },
  },
};

/**
 *   @kind         of the server, one of those above
 *   @loopback     plaintext AUTH is allowed from loopback
 *   @messages n   how many messages the handler must have been given in the end
 *   @recipients-max, @message-bytes-max
 */
async function startServer({ settings }: Transcript) {
  const kind = (settings.get("kind") ?? "mx") as Kind;
  const number = (name: string) => Number(settings.get(name));
  const server = await testServer({
    ...kinds[kind],
    ...(settings.has("loopback") && { isPlaintextAuthAllowedFromLoopback: true }),
    ...(settings.has("recipients-max") && { recipientsMax: number("recipients-max") }),
    ...(settings.has("message-bytes-max") && { messageBytesMax: number("message-bytes-max") }),
  });
  const { port } = server;
  return {
    connect: async () =>
      kind === "submissions"
        ? tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false })
        : await connectTo({ port }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      if (settings.has("messages")) assert.equal(server.received.length, number("messages"));
    },
  };
}

describeTranscripts(new URL("./transcripts/", import.meta.url), startServer);
