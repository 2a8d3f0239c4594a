import type { ArgumentReader } from "../compile/argument-reader.ts";

/** Which part of an address is compared: RFC 5228 §2.7.4, RFC 5233 §4. */
export type AddressPart = "all" | "localpart" | "domain" | "user" | "detail";

export function readAddressPart(args: ArgumentReader): AddressPart {
  const part = args.oneOf(["all", "localpart", "domain"] as const);
  const sub = args.oneOf(["user", "detail"] as const, "subaddress");
  if (part !== undefined && sub !== undefined) {
    throw args.problem(`:${part} and :${sub} do not go together`);
  }
  return part ?? sub ?? "all";
}

/** The part; undefined where the address has none: no detail without a separator (RFC 5233 §4). */
export function addressPart(
  localPart: string,
  domain: string,
  part: AddressPart,
  separator: string,
): string | undefined {
  const at = separator === "" ? -1 : localPart.indexOf(separator);
  switch (part) {
    case "all":
      return domain === "" ? localPart : `${localPart}@${domain}`;
    case "localpart":
      return localPart;
    case "domain":
      return domain;
    case "user":
      return at === -1 ? localPart : localPart.slice(0, at);
    case "detail":
      return at === -1 ? undefined : localPart.slice(at + separator.length);
  }
}
