import type { ClientServer } from "./servers.ts";
import { xmlText } from "./xml.ts";

const SETTINGS = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const ENVELOPE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";

/**
 * Whose settings a request of Autodiscover v1 ("POX") asks for; undefined when it is no such request,
 * or asks for something other than Outlook's settings.
 *
 * Not an XML parser: entities and comments have no place in an address, and nothing else is read.
 */
export function autodiscoverAddressOf(request: string): string | undefined {
  const schema = textOf(request, "AcceptableResponseSchema");
  if (schema !== undefined && schema.trim() !== SETTINGS) return undefined;
  const address = textOf(request, "EMailAddress")?.trim();
  return address !== undefined && /^[^\s<>&"]{1,254}$/.test(address) ? address : undefined;
}

function textOf(xml: string, element: string): string | undefined {
  return new RegExp(`<(?:\\w{1,32}:)?${element}(?:\\s[^<>]{0,200})?>([^<]{0,400})<`).exec(xml)?.[1];
}

/** The answer of Autodiscover v1 that Outlook's IMAP and POP3 accounts are set up by. */
export const autodiscoverXml = (
  address: string,
  servers: readonly ClientServer[],
): string => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="${ENVELOPE}">
  <Response xmlns="${SETTINGS}">
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
${servers.map((server) => protocolXml(address, server)).join("")}    </Account>
  </Response>
</Autodiscover>
`;

function protocolXml(address: string, { protocol, host, port, tls }: ClientServer): string {
  return `      <Protocol>
        <Type>${protocol.toUpperCase()}</Type>
        <Server>${xmlText(host)}</Server>
        <Port>${port}</Port>
        <DomainRequired>off</DomainRequired>
        <LoginName>${xmlText(address)}</LoginName>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <Encryption>${tls === "implicit" ? "SSL" : "TLS"}</Encryption>
        <AuthRequired>on</AuthRequired>${
          protocol === "smtp"
            ? "\n        <UsePOPAuth>off</UsePOPAuth>\n        <SMTPLast>off</SMTPLast>"
            : ""
        }
      </Protocol>
`;
}

/** The answer of Autodiscover v2: where v1 is. There is no other protocol of Microsoft's here. */
export function autodiscoverJson(
  protocol: string,
  url: string,
): { readonly status: 200 | 400; readonly body: string } {
  if (protocol.toLowerCase() === "autodiscoverv1") {
    return { status: 200, body: `${JSON.stringify({ Protocol: "AutodiscoverV1", Url: url })}\n` };
  }
  const ErrorMessage = "Only the protocol AutodiscoverV1 is served here";
  return {
    status: 400,
    body: `${JSON.stringify({ ErrorCode: "InvalidProtocol", ErrorMessage })}\n`,
  };
}
