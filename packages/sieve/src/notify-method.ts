import { parseMailto } from "./compose/mailto.ts";
import type { Surroundings } from "./run/surroundings.ts";

/** Whether `notify` can be given this URI: mailto always (RFC 5435 §3.2), others as the host says. */
export function isNotifyMethod(uri: string, surroundings: Surroundings): boolean {
  if (/^mailto:/i.test(uri)) return parseMailto(uri) !== undefined;
  return surroundings.notifyMethods?.isValid(uri) === true;
}
