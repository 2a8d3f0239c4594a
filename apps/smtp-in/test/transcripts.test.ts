import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { TEST_TOML } from "@posthouse/service";
import { connectTo, describeTranscripts, type Transcript } from "@posthouse/transcript";
import { testApp } from "./test-app.ts";
import { listenAsImap } from "./test-urls.ts";

/** What `@config` names: changes of the usual configuration. */
const configs: Readonly<Record<string, (toml: string) => string>> = {
  /** Questions are answered, and one class of advertisement is not wanted. */
  asking: (toml) =>
    toml.replace(
      "[smtp_in]",
      '[smtp_in]\nvrfy = "authenticated"\nexpn = "authenticated"\nno_soliciting = ["org.example:ADV"]',
    ),
  /** Hosts that fetch their mail by ETRN: one here, one elsewhere, and one by its account. */
  etrn: (toml) =>
    toml.replace(
      "[smtp_in]",
      `[smtp_in]\netrn_from = [
        { domains = ["branch.example", "xn--bcher-kva.example"], networks = ["127.0.0.0/8"] },
        { domains = ["elsewhere.example"], networks = ["192.0.2.0/24"], accounts = ["ann@example.test"] }]`,
    ),
  /** This host is the secondary one of two domains, and knows who is at one of them. */
  secondary: (toml) =>
    toml.replace(
      "[smtp_in]",
      `[smtp_in]\nsecondary_for = [
        { domains = ["branch.example", "xn--bcher-kva.example"] },
        { domains = ["known.example"], recipients = ["ann@known.example"] }]`,
    ),
  /** This host is a proxy. */
  proxied: (toml) => toml.replaceAll("{ kind", '{ proxy_from = ["127.0.0.0/8"], kind'),
  /** The submission listener takes mail of a scanner here, three an hour. */
  scanner: (toml) =>
    toml.replace(
      '{ kind = "submission", address = "127.0.0.1", port = 0 }',
      `{ kind = "submission", address = "127.0.0.1", port = 0, relay_networks = [{
        networks = ["127.0.0.0/8"], senders = ["scanner@example.test", "@machines.test"], messages_per_hour = 3 }] }`,
    ),
};

/** smtp-out's control socket, for which three deliveries wait for one domain. */
async function listenAsSmtpOut(socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("data", (line) => {
      socket.write(`flushed ${String(line) === "flush branch.example\n" ? 3 : 0}\n`);
    });
  });
  server.listen(socketPath);
  await once(server, "listening");
  return server;
}

/** `@smtp-out up` has somebody at its socket, `@urls up` at that of imap; `@listener` smtp, submission or submissions; `@auth down`; `@tokens yes`; `@config` a name of above. */
async function startServer({ settings }: Transcript) {
  const config = configs[settings.get("config") ?? ""];
  const app = await testApp({
    takesTokens: settings.has("tokens"),
    ...(config !== undefined && { toml: config(TEST_TOML) }),
  });
  const { socketPath } = app.context.config.smtpOut;
  const smtpOut = settings.has("smtp-out") ? await listenAsSmtpOut(socketPath) : undefined;
  const imap = settings.has("urls") ? await listenAsImap(app.context) : undefined;
  app.directory.isDown = settings.get("auth") === "down";
  const listener = (settings.get("listener") ?? "smtp") as "smtp" | "submission" | "submissions";
  const port = app.port(listener);
  return {
    connect: async () =>
      listener === "submissions"
        ? tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false })
        : await connectTo({ port, noDelay: true }),
    async [Symbol.asyncDispose]() {
      smtpOut?.close();
      await imap?.[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

describeTranscripts(new URL("./transcripts/", import.meta.url), startServer);
