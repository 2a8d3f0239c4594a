import type { ActionOf } from "@posthouse/sieve";
import { limits } from "../limits.ts";
import type { AddressLists } from "./address-lists.ts";

type Notify = "NEVER" | "SUCCESS" | "FAILURE" | "DELAY";

/** NOTIFY as the script says it; what is none is left out. */
export function notifyOf({ notify }: ActionOf<"redirect">): {
  readonly notify?: readonly Notify[];
} {
  const words = (notify ?? "").toUpperCase().split(",");
  const isFit =
    words.length > 0 && words.every((word) => /^(?:NEVER|SUCCESS|FAILURE|DELAY)$/.test(word));
  return isFit && (words.length === 1 || !words.includes("NEVER"))
    ? { notify: words as Notify[] }
    : {};
}

export function retOf({ ret }: ActionOf<"redirect">): { readonly ret?: "FULL" | "HDRS" } {
  const word = ret?.toUpperCase();
  return word === "FULL" || word === "HDRS" ? { ret: word } : {};
}

/** Who is in a list, or why nothing is sent to it (RFC 6134 §2.6). */
export async function membersOf(
  lists: AddressLists,
  list: string,
): Promise<
  | { readonly kind: "members"; readonly addresses: readonly string[] }
  | { readonly kind: "unfit"; readonly why: string }
> {
  const addresses = await lists.members(list);
  const { listMembersMax } = limits;
  if (addresses.length > 0 && addresses.length <= listMembersMax) {
    return { kind: "members", addresses };
  }
  const why = `Not redirected to the list ${list}: it has ${addresses.length} addresses, and 1 to ${listMembersMax} can be`;
  return { kind: "unfit", why };
}

/** RFC 5321 §6.3. */
export const hasTooManyHops = (header: string): boolean =>
  (header.match(/^received:/gim)?.length ?? 0) > limits.hopsMax;
