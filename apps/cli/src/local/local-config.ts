export const localDomain = "example.test";
export const localAccounts = ["alice@example.test", "bob@example.test"] as const;
export const localPassword = "posthouse";

/** What `posthouse local` writes into a new data directory. */
export const localToml = `# A Posthouse for trying, made by "posthouse local". It is yours to change; it is not written again.
# Every port gets the --port-offset of "posthouse local" added: 25 is 2025, 993 is 2993.

hostname = "mail.example.test"
data_dir = "."

[auth]
# Passwords may cross the loopback interface in the clear, since this is for trying.
allow_plaintext_from = "loopback"

[smtp_in]
listeners = [
  { kind = "mx", address = "127.0.0.1", port = 25 },
  { kind = "submission", address = "127.0.0.1", port = 587 },
  { kind = "submissions", address = "127.0.0.1", port = 465 },
]

[lmtp]
listeners = [{ address = "127.0.0.1", port = 24 }]

[imap]
listeners = [
  { tls = "starttls", address = "127.0.0.1", port = 143 },
  { tls = "implicit", address = "127.0.0.1", port = 993 },
]

[pop3]
listeners = [
  { tls = "starttls", address = "127.0.0.1", port = 110 },
  { tls = "implicit", address = "127.0.0.1", port = 995 },
]

[managesieve]
listeners = [{ tls = "starttls", address = "127.0.0.1", port = 4190 }]

[http]
listeners = [
  { tls = "none", address = "127.0.0.1", port = 80 },
  { tls = "implicit", address = "127.0.0.1", port = 443 },
]

[smtp_out]
# Mail to other domains stays in the queue; "posthouse local --send" sends it.
send = false
`;
