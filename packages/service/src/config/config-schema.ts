import { hostname } from "node:os";
import { z } from "zod";

const MIB = 1024 * 1024;

const port = z.int().min(0).max(65_535);
/** "*" is every address of this host, IPv6 and IPv4. */
const address = z.string().min(1).default("*");
const seconds = (fallback: number, min = 1) => z.int().min(min).default(fallback);

const smtpListener = z.strictObject({
  kind: z.enum(["mx", "submission", "submissions"]),
  address,
  port,
});
const tlsListener = z.strictObject({ tls: z.enum(["starttls", "implicit"]), address, port });
/** Names of capabilities, as CAPABILITY shows them. */
const capabilityNames = z.array(z.string().regex(/^[!-~]{1,64}$/)).default([]);
const imapListener = tlsListener.extend({
  client_certificates: z.boolean().default(false),
  disabled_capabilities: capabilityNames,
});
const imapException = z
  .strictObject({
    account: z.string().min(1).optional(),
    client: z.string().min(1).optional(),
    disabled_capabilities: capabilityNames,
  })
  .refine(({ account, client }) => account !== undefined || client !== undefined, {
    message: "name an account, a client or both",
  });
const plainListener = z.strictObject({ address, port });

/**
 * The one TOML file of a host, as it is written. Names are snake_case in the file and camelCase in
 * Config; docs/configuration.md describes every key, and a test holds the two together.
 */
export const configSchema = z.strictObject({
  hostname: z.string().min(1).default(hostname()),
  data_dir: z.string().min(1).default("/var/lib/posthouse"),
  run_dir: z.string().min(1).optional(),
  paths: z
    .strictObject({
      mail: z.string().min(1).optional(),
      queue: z.string().min(1).optional(),
      state: z.string().min(1).optional(),
      events: z.string().min(1).optional(),
      tmp: z.string().min(1).optional(),
    })
    .prefault({}),
  limits: z
    .strictObject({
      message_bytes_max: z
        .int()
        .min(64 * 1024)
        .default(50 * MIB),
    })
    .prefault({}),
  tls: z
    .strictObject({
      certificate_file: z.string().min(1).optional(),
      key_file: z.string().min(1).optional(),
      client_ca_file: z.string().min(1).optional(),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") })
    .prefault({}),
  events: z.strictObject({ keep_days: z.int().min(1).default(30) }).prefault({}),
  auth: z
    .strictObject({
      bcrypt_cost: z.int().min(4).max(15).default(10),
      allow_plaintext_from: z.enum(["nobody", "loopback"]).default("nobody"),
      scram_sha1: z.boolean().default(false),
      subaddress_separator: z.string().length(1).default("+"),
      postmaster: z.string().min(1).optional(),
    })
    .prefault({}),
  smtp_in: z
    .strictObject({
      listeners: z.array(smtpListener).default([
        { kind: "mx", address: "*", port: 25 },
        { kind: "submission", address: "*", port: 587 },
        { kind: "submissions", address: "*", port: 465 },
      ]),
    })
    .prefault({}),
  lmtp: z.strictObject({ listeners: z.array(plainListener).default([]) }).prefault({}),
  sieve: z
    .strictObject({
      before_files: z.array(z.string().min(1)).default([]),
      after_files: z.array(z.string().min(1)).default([]),
      global_directory: z.string().min(1).optional(),
    })
    .prefault({}),
  imap: z
    .strictObject({
      listeners: z.array(imapListener).prefault([
        { tls: "starttls", address: "*", port: 143 },
        { tls: "implicit", address: "*", port: 993 },
      ]),
      disabled_capabilities: capabilityNames,
      exceptions: z.array(imapException).default([]),
      literals: z.enum(["plus", "minus"]).default("plus"),
      idle_keepalive_seconds: z.int().min(0).default(240),
    })
    .prefault({}),
  pop3: z
    .strictObject({
      listeners: z.array(tlsListener).default([
        { tls: "starttls", address: "*", port: 110 },
        { tls: "implicit", address: "*", port: 995 },
      ]),
    })
    .prefault({}),
  smtp_out: z
    .strictObject({
      send: z.boolean().default(true),
      mx_port: port.default(25),
      dns_servers: z.array(z.string().min(1)).default([]),
      warn_after_seconds: seconds(4 * 3600),
      give_up_after_seconds: seconds(5 * 24 * 3600),
      retry_first_seconds: seconds(300),
      retry_wait_seconds_max: seconds(4 * 3600),
      deliveries_max: z.int().min(1).default(50),
      deliveries_per_destination_max: z.int().min(1).default(5),
    })
    .prefault({}),
});

export type ConfigFile = z.output<typeof configSchema>;
