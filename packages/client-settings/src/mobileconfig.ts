import { createHash } from "node:crypto";
import type { ClientServer } from "./servers.ts";
import { xmlText } from "./xml.ts";

/**
 * A configuration profile that iOS, iPadOS and macOS make a mail account of; they ask for the password.
 * Whoever serves it signs it, or they show it as "unverified". Undefined when there is no IMAP or POP3, or no submission.
 */
export function mobileConfig(
  address: string,
  servers: readonly ClientServer[],
): string | undefined {
  const incoming = servers.find((one) => one.protocol !== "smtp");
  const outgoing = servers.find((one) => one.protocol === "smtp");
  if (incoming === undefined || outgoing === undefined) return undefined;
  const account = {
    EmailAccountDescription: address,
    EmailAccountType: incoming.protocol === "imap" ? "EmailTypeIMAP" : "EmailTypePOP",
    EmailAddress: address,
    IncomingMailServerAuthentication: "EmailAuthPassword",
    IncomingMailServerHostName: incoming.host,
    IncomingMailServerPortNumber: incoming.port,
    IncomingMailServerUseSSL: true,
    IncomingMailServerUsername: address,
    OutgoingMailServerAuthentication: "EmailAuthPassword",
    OutgoingMailServerHostName: outgoing.host,
    OutgoingMailServerPortNumber: outgoing.port,
    OutgoingMailServerUseSSL: true,
    OutgoingMailServerUsername: address,
    OutgoingPasswordSameAsIncomingPassword: true,
    PayloadDescription: `Mail of ${address}`,
    PayloadDisplayName: `Mail of ${address}`,
    PayloadIdentifier: `${incoming.host}.${address}.account`,
    PayloadType: "com.apple.mail.managed",
    PayloadUUID: uuidOf(`account ${incoming.host} ${address}`),
    PayloadVersion: 1,
  };
  const profile = {
    PayloadContent: [account],
    PayloadDescription: `Sets up mail of ${address}`,
    PayloadDisplayName: `Mail of ${address}`,
    PayloadIdentifier: `${incoming.host}.${address}`,
    PayloadRemovalDisallowed: false,
    PayloadType: "Configuration",
    PayloadUUID: uuidOf(`profile ${incoming.host} ${address}`),
    PayloadVersion: 1,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${plist(profile)}
</plist>
`;
}

type Plist = string | number | boolean | readonly Plist[] | { readonly [key: string]: Plist };

function plist(value: Plist): string {
  if (typeof value === "string") return `<string>${xmlText(value)}</string>`;
  if (typeof value === "number") return `<integer>${value}</integer>`;
  if (typeof value === "boolean") return value ? "<true/>" : "<false/>";
  if (Array.isArray(value)) return `<array>\n${value.map(plist).join("\n")}\n</array>`;
  const entries = Object.entries(value).map(([key, one]) => `<key>${key}</key>\n${plist(one)}`);
  return `<dict>\n${entries.join("\n")}\n</dict>`;
}

/** The same for the same account, so that installing it again replaces it: RFC 9562 §5.8. */
function uuidOf(text: string): string {
  const octets = createHash("sha256").update(text).digest().subarray(0, 16);
  octets.writeUInt8(((octets[6] ?? 0) & 0x0f) | 0x80, 6);
  octets.writeUInt8(((octets[8] ?? 0) & 0x3f) | 0x80, 8);
  return octets
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
    .toUpperCase();
}
