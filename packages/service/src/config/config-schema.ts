import { availableParallelism, hostname } from "node:os";
import { z } from "zod";
import { isAddressRange } from "../address-ranges.ts";
import { logLevels } from "../log-level.ts";

const MIB = 1024 * 1024;

const port = z.int().min(0).max(65_535);
/** "*" is every address of this host, IPv6 and IPv4. */
const address = z.string().min(1).default("*");
const seconds = (fallback: number, min = 1) => z.int().min(min).default(fallback);

const networks = z.array(
  z.string().refine(isAddressRange, {
    message: "has to be an address or a network such as 192.0.2.0/24",
  }),
);
/** 0 is no limit. */
const count = (fallback: number) => z.int().min(0).default(fallback);

/** Printers and scripts that cannot log in: from where, as whom, and how much. */
const relayNetwork = z.strictObject({
  networks: networks.min(1),
  senders: z.array(z.string().regex(/^[^@\s]*@[^@\s]+$/, "has to be an address or @domain")).min(1),
  messages_per_hour: count(100),
});
const domains = z
  .array(
    z.string().regex(/^(?:[a-z\d-]{1,63}\.)+[a-z\d-]{1,63}$/, {
      message: "has to be a domain in lower case, international ones as xn--…",
    }),
  )
  .min(1);
const addresses = z.array(z.string().regex(/^[^@\s]+@[^@\s]+$/, "has to be an address"));
/** Who may have the mail for these domains sent when it asks (ETRN). */
const etrnRule = z
  .strictObject({
    domains,
    networks: networks.default([]),
    accounts: addresses.default([]),
  })
  .refine((rule) => rule.networks.length + rule.accounts.length > 0, {
    message: "name networks, accounts or both",
  });
/** Domains that this host takes mail for while their own is away; without recipients, for anybody there. */
const secondaryRule = z.strictObject({ domains, recipients: addresses.optional() });
const smtpListener = z.strictObject({
  kind: z.enum(["mx", "submission", "submissions"]),
  address,
  port,
  client_certificates: z.boolean().default(false),
  proxy_from: networks.default([]),
  xclient_from: networks.default([]),
  relay_networks: z.array(relayNetwork).default([]),
});
const tlsListener = z.strictObject({
  tls: z.enum(["starttls", "implicit"]),
  address,
  port,
  proxy_from: networks.default([]),
});
/** Dovecot's pop3_uidl_format: what is not from one of these variables stays as it is. */
const uidlFormat = z
  .string()
  .regex(/^(?:[!-$&-~]|%(?:0\d)?[XLUM]?[uvfg])+$/, {
    message:
      "has to be made of %u (UID), %v (UIDVALIDITY), %f or %g (the file's name), as in %08Xu%08Xv",
  })
  .refine((format) => /%(?:0\d)?[XLUM]?[ufg]/.test(format), {
    message: "needs %u, %f or %g: else all messages have the same id",
  });
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
/** One way for mail to leave by, other than the MX of its domain. */
const route = z
  .strictObject({
    to: z.array(z.string().min(1)).min(1).optional(),
    from: z.array(z.string().min(1)).min(1).optional(),
    via: z
      .string()
      .regex(
        /^(smtp|smtps|lmtp):\/\/(\[[0-9A-Fa-f:.]+\]|[^\s/:@[\]]+)(:\d{1,5})?$|^(lmtp|bsmtp):\/\S+$/,
        {
          message:
            'must be "smtp://host:port", "smtps://host:port", "lmtp://host:port", "lmtp:/path/of/socket" or "bsmtp:/path/of/directory"',
        },
      )
      .optional(),
    command: z
      .tuple([z.string().regex(/^\//, "has to be the whole path of a program")], z.string())
      .refine(
        (words) =>
          words.every(
            (word) => word.replace(/^\{recipients\}$/u, "").includes("{recipients}") === false,
          ),
        {
          message: "{recipients} has to be a word of its own: it becomes a word for each of them",
        },
      )
      .optional(),
    format: z.enum(["message", "batch-smtp"]).default("message"),
    username: z.string().min(1).optional(),
    password_file: z.string().min(1).optional(),
    tls: z.enum(["opportunistic", "encrypted", "verified"]).optional(),
    source_addresses: z.array(z.union([z.ipv4(), z.ipv6()])).default([]),
    connections_max: z.int().min(1).optional(),
    messages_per_minute_max: z.int().min(1).optional(),
  })
  .refine((one) => (one.username === undefined) === (one.password_file === undefined), {
    message: "username and password_file go together",
  })
  .refine((one) => one.command === undefined || one.via === undefined, {
    message: "via and command are two ways: only one of them is possible",
  })
  .refine((one) => one.username === undefined || one.via !== undefined, {
    message: "username needs via: a login is for one host",
  });
/** Mail that is put on hold before it leaves, until somebody has looked at it. */
const holdRule = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "has to be letters, digits, - and _"),
    to: z.array(z.string().min(1)).min(1).optional(),
    from: z.array(z.string().min(1)).min(1).optional(),
    recipients_more_than: z.int().min(1).optional(),
  })
  .refine(
    ({ to, from, recipients_more_than }) => (to ?? from ?? recipients_more_than) !== undefined,
    {
      message:
        "needs one of from, to and recipients_more_than: without them it would stop all mail",
    },
  );
/** What stands behind SEARCH, under a name for everybody (RFC 5466); apps/imap says whether it is one. */
const sharedFilter = z.strictObject({
  name: z.string().min(1),
  criteria: z.string().min(1),
  description: z.string().min(1).optional(),
});
const plainListener = z.strictObject({ address, port });
const webListener = z.strictObject({ tls: z.enum(["none", "implicit"]), address, port });
/** No address and no wildcard: HTTP-01 proves host names only (RFC 8555 §8.3). */
export const certificateName = z
  .string()
  .regex(
    /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z][a-z0-9-]{0,61}[a-z0-9])$/,
    "has to be a host name in lower case, such as mail.example.org",
  );

/** One file may hold both. */
const certificateFiles = z.strictObject({
  certificate_file: z.string().min(1),
  key_file: z.string().min(1).optional(),
});

const filter = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "has to be letters, digits, - and _"),
  kind: z.enum(["milter", "rspamd", "clamd"]),
  at: z
    .string()
    .regex(
      /^(?:\/.+|(?:\[[0-9A-Fa-f:]+\]|[^\s:/[\]]+):[1-9]\d{0,4})$/,
      "has to be the path of a socket, or a host and its port as 127.0.0.1:11333",
    ),
  timeout_seconds: seconds(30),
  on_failure: z.enum(["accept", "junk", "defer"]).default("accept"),
  when_found: z.enum(["reject", "rejects", "junk"]).default("reject"),
});
const dnsList = z.strictObject({
  zone: z.string().min(1),
  codes: z
    .array(
      z
        .string()
        .regex(/^127(?:\.\d{1,3}){3}(?:-\d{1,3})?$/, "has to be as 127.0.0.2, or 127.0.0.4-7"),
    )
    .min(1),
  score: z.number(),
});
/** Clients on this machine: their mail is not looked at. */
const loopbackNetworks = ["127.0.0.0/8", "::1"];

/**
 * The one TOML file of a host, as it is written. Names are snake_case in the file and camelCase in
 * Config; docs/configuration.md describes every key, and a test holds the two together.
 */
export const configSchema = z.strictObject({
  hostname: z.string().min(1).default(hostname()),
  data_dir: z.string().min(1).optional(),
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
      certificates: z.array(certificateFiles).max(100).default([]),
    })
    .prefault({}),
  acme: z
    .strictObject({
      agree_to_terms: z.boolean().default(false),
      directory_url: z
        .url({ protocol: /^https$/, error: "has to be an https:// address" })
        .default("https://acme-v02.api.letsencrypt.org/directory"),
      contact: z.email("has to be an address such as postmaster@example.org").optional(),
      names: z.array(certificateName).max(100).default([]),
      certificates: z
        .array(z.strictObject({ names: z.array(certificateName).min(1).max(100) }))
        .max(100)
        .refine((all) => new Set(all.map(({ names }) => names[0])).size === all.length, {
          message: "two have the same first name, by which they are called",
        })
        .default([]),
      challenge: z.enum(["http-01", "tls-alpn-01", "dns-01"]).default("http-01"),
      dns_server: z.string().min(1).optional(),
      dns_key_file: z.string().min(1).optional(),
      dns_wait_seconds: z.int().min(0).max(120).default(10),
      ca_file: z.string().min(1).optional(),
    })
    .prefault({}),
  http: z
    .strictObject({
      listeners: z.array(webListener).optional(),
      mta_sts: z.enum(["enforce", "testing", "none"]).default("testing"),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(logLevels).default("info") }).prefault({}),
  retention: z
    .strictObject({
      junk_days: count(30),
      trash_days: count(30),
      expunged_days: count(7),
      report_days: z.int().min(1).default(60),
    })
    .prefault({}),
  events: z.strictObject({ keep_days: z.int().min(1).default(30) }).prefault({}),
  auth: z
    .strictObject({
      bcrypt_cost: z.int().min(4).max(15).default(10),
      allow_plaintext_from: z.enum(["nobody", "loopback"]).default("nobody"),
      never_ban: networks.default([]),
      scram_sha1: z.boolean().default(false),
      rewrite_forwarded_senders: z.boolean().default(true),
      subaddress_separator: z.string().length(1).default("+"),
      postmaster: z.string().min(1).optional(),
    })
    .prefault({}),
  smtp_in: z
    .strictObject({
      listeners: z.array(smtpListener).prefault([
        { kind: "mx", address: "*", port: 25 },
        { kind: "submission", address: "*", port: 587 },
        { kind: "submissions", address: "*", port: 465 },
      ]),
      check_from: z.boolean().default(true),
      hide_submitters: z.boolean().default(true),
      vrfy: z.enum(["nobody", "authenticated"]).default("nobody"),
      expn: z.enum(["nobody", "authenticated"]).default("nobody"),
      early_talker_delay_ms: z.int().min(0).max(30_000).default(0),
      unlimited_from: networks.default([]),
      etrn_from: z.array(etrnRule).default([]),
      secondary_for: z.array(secondaryRule).default([]),
      limits: z
        .strictObject({
          connections_max: z.int().min(1).default(2000),
          connections_per_address_max: z.int().min(1).default(200),
          connections_per_network_max: z.int().min(1).default(500),
          connections_per_minute: count(600),
          messages_per_hour: count(6000),
          recipients_per_hour: count(30_000),
          account_messages_per_hour: count(1000),
          account_recipients_per_hour: count(5000),
        })
        .prefault({}),
      no_soliciting: z
        .array(
          z.string().regex(/^[A-Za-z][\w.:-]{0,199}$/, "has to be a class such as org.example:ADV"),
        )
        .max(20)
        .default([]),
    })
    .prefault({}),
  inspection: z
    .strictObject({
      exempt_networks: networks.default(loopbackNetworks),
      authenticate: z.boolean().default(true),
      dmarc: z.enum(["enforce", "report"]).default("enforce"),
      defer_seconds_max: z
        .int()
        .min(0)
        .default(4 * 3600),
      trusted_arc_sealers: z.array(z.string().min(1)).default([]),
      filters: z.array(filter).default([]),
      dns_lists: z.array(dnsList).default([]),
      score_own_name: z.number().default(10),
      score_bad_helo: z.number().default(2),
      score_no_reverse_name: z.number().default(2),
      score_junk: z.number().positive().default(5),
      score_refuse: z.number().positive().default(10),
      rejects_keep_days: z.int().min(0).default(30),
      greylist_seconds: z.int().min(0).max(3600).default(0),
      greylist_window_seconds: seconds(24 * 3600, 3600),
      greylist_known_after: z.int().min(1).default(5),
      greylist_known_days: z.int().min(1).default(36),
    })
    .prefault({}),
  lmtp: z
    .strictObject({
      listeners: z.array(plainListener).default([]),
      subaddress_folders: z.boolean().default(false),
      duplicate_message_id_seconds: z.number().int().min(0).default(0),
    })
    .prefault({}),
  sieve: z
    .strictObject({
      before_files: z.array(z.string().min(1)).default([]),
      after_files: z.array(z.string().min(1)).default([]),
      global_directory: z.string().min(1).optional(),
      lists_directory: z.string().min(1).optional(),
      notify_hosts: z
        .array(
          z.string().regex(/^(?:\*\.)?(?:[a-z\d-]{1,63}\.)+[a-z\d-]{1,63}(?::[1-9]\d{0,4})?$/, {
            message: "has to be as hooks.example.org, hooks.example.org:8443 or *.example.org",
          }),
        )
        .default([]),
    })
    .prefault({}),
  comsat: z
    .strictObject({
      users: z
        .array(
          z.strictObject({
            account: z.string().regex(/^[^@\s]+@[^@\s]+$/, "has to be an address"),
            user: z.string().regex(/^[a-z_][a-z\d_.-]{0,31}$/i, "has to be a Unix user"),
          }),
        )
        .default([]),
      port: port.default(512),
    })
    .prefault({}),
  imap: z
    .strictObject({
      listeners: z.array(imapListener).prefault([
        { tls: "starttls", address: "*", port: 143 },
        { tls: "implicit", address: "*", port: 993 },
      ]),
      disabled_capabilities: capabilityNames,
      // It enables UIDONLY and then fetches by number, which RFC 9586 has us refuse: no mail would be seen.
      exceptions: z
        .array(imapException)
        .default([{ client: "Microsoft Office 365", disabled_capabilities: ["UIDONLY"] }]),
      shared_filters: z.array(sharedFilter).default([]),
      literals: z.enum(["plus", "minus"]).default("plus"),
      message_limit: z
        .int()
        .refine((messages) => messages === 0 || messages >= 1000, {
          message: "1000 messages at least, since clients lose mail below it, or 0 for no limit",
        })
        .default(1_000_000),
      idle_keepalive_seconds: z.int().min(0).default(240),
      restore_namespace: z.boolean().default(true),
      workers: z
        .int()
        .min(1)
        .max(64)
        .default(() => Math.min(availableParallelism(), 4)),
    })
    .prefault({}),
  pop3: z
    .strictObject({
      listeners: z.array(tlsListener).prefault([
        { tls: "starttls", address: "*", port: 110 },
        { tls: "implicit", address: "*", port: 995 },
      ]),
      uidl_format: uidlFormat.default("%v.%u"),
      login_delay_seconds: z.int().min(0).max(3600).default(0),
      apop: z.boolean().default(false),
    })
    .prefault({}),
  managesieve: z
    .strictObject({
      listeners: z.array(tlsListener).prefault([{ tls: "starttls", address: "*", port: 4190 }]),
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
      deliveries_per_destination_max: z.int().min(1).default(20),
      suppress_after_bounces: z.int().min(0).max(100).default(3),
      suppress_days: z.int().min(1).max(365).default(30),
      private_destinations: z.boolean().default(false),
      tls_reports: z.boolean().default(true),
      tls_ca_file: z.string().min(1).optional(),
      routes: z.array(route).default([]),
      hold: z
        .array(holdRule)
        .refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, {
          message: "two rules have the same name",
        })
        .default([]),
    })
    .prefault({}),
});

export type ConfigFile = z.output<typeof configSchema>;
