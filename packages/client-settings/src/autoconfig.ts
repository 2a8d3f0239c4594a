import type { ClientServer } from "./servers.ts";
import { xmlText } from "./xml.ts";

/** Thunderbird's config-v1.1.xml, which K-9, Evolution, KMail and others read too. It names nobody. */
export function autoconfigXml(domain: string, servers: readonly ClientServer[]): string {
  const name = xmlText(domain);
  return `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${name}">
    <domain>${name}</domain>
    <displayName>${name}</displayName>
    <displayShortName>${name}</displayShortName>
${servers.map(serverXml).join("")}  </emailProvider>
</clientConfig>
`;
}

function serverXml({ protocol, host, port, tls }: ClientServer): string {
  const element = protocol === "smtp" ? "outgoingServer" : "incomingServer";
  return `    <${element} type="${protocol}">
      <hostname>${xmlText(host)}</hostname>
      <port>${port}</port>
      <socketType>${tls === "implicit" ? "SSL" : "STARTTLS"}</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </${element}>
`;
}
