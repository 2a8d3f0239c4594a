import { createHash } from "node:crypto";
import type { Config } from "@posthouse/service";

/** Long enough to be worth keeping, and short enough to move: RFC 8461 §3.2 wants weeks once all is well. */
const MAX_AGE_SECONDS = 7 * 86_400;

/** RFC 8461 §3.2: what other hosts are to insist on when they send here. */
export const mtaStsPolicy = ({ hostname, http }: Pick<Config, "hostname" | "http">): string =>
  [
    "version: STSv1",
    `mode: ${http.mtaSts}`,
    // With "none" nothing is insisted on, and no MX is named.
    ...(http.mtaSts === "none" ? [] : [`mx: ${hostname}`]),
    `max_age: ${MAX_AGE_SECONDS}`,
    "",
  ].join("\r\n");

/** RFC 8461 §3.1: the record whose id says that the policy is another one. */
export function mtaStsRecord(config: Pick<Config, "hostname" | "http">): string {
  const id = createHash("sha256").update(mtaStsPolicy(config)).digest("hex").slice(0, 20);
  return `v=STSv1; id=${id}`;
}
