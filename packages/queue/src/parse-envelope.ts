import { ENVELOPE_VERSION, type Envelope } from "@posthouse/smtp/envelope";

/**
 * An envelope as JSON gave it back, or undefined when it is none that this version can send by.
 * Fields that this version does not know are kept: whoever wrote them may read them again.
 */
export function parseEnvelope(value: unknown): Envelope | undefined {
  if (!isObject(value) || value.version !== ENVELOPE_VERSION) return undefined;
  const isWhole =
    typeof value.messageId === "string" &&
    Number.isSafeInteger(value.receivedAtMs) &&
    typeof value.reversePath === "string" &&
    isClient(value.client) &&
    Array.isArray(value.recipients) &&
    value.recipients.length > 0 &&
    value.recipients.every(isRecipient) &&
    bodies.has(value.body) &&
    typeof value.smtpUtf8 === "boolean" &&
    typeof value.requireTls === "boolean" &&
    typeof value.priority === "number" &&
    isObject(value.verdicts) &&
    hasSoundOptions(value);
  return isWhole ? (value as unknown as Envelope) : undefined;
}

const bodies: ReadonlySet<unknown> = new Set(["7BIT", "8BITMIME", "BINARYMIME"]);
const notifications: ReadonlySet<unknown> = new Set(["NEVER", "SUCCESS", "FAILURE", "DELAY"]);

function isClient(value: unknown): boolean {
  return (
    isObject(value) &&
    [value.address, value.helo, value.protocol].every((text) => typeof text === "string")
  );
}

function isRecipient(value: unknown): boolean {
  if (!isObject(value) || typeof value.isLocal !== "boolean") return false;
  const { address, originalAddress, notify, orcpt } = value;
  if (typeof address !== "string" || typeof originalAddress !== "string") return false;
  const isNotifySound =
    notify === undefined ||
    (Array.isArray(notify) && notify.every((word) => notifications.has(word)));
  return isNotifySound && isTextOrAbsent(orcpt);
}

function hasSoundOptions(value: Record<string, unknown>): boolean {
  const { ret, deliverBy, holdUntilMs, envid, authenticatedAs, isOurs, isTlsOptional } = value;
  const isDeliverBySound =
    deliverBy === undefined ||
    (isObject(deliverBy) &&
      Number.isSafeInteger(deliverBy.atMs) &&
      (deliverBy.mode === "R" || deliverBy.mode === "N"));
  return (
    isDeliverBySound &&
    (ret === undefined || ret === "FULL" || ret === "HDRS") &&
    (holdUntilMs === undefined || Number.isSafeInteger(holdUntilMs)) &&
    [isOurs, isTlsOptional].every((is) => is === undefined || typeof is === "boolean") &&
    isTextOrAbsent(envid) &&
    isTextOrAbsent(authenticatedAs)
  );
}

const isTextOrAbsent = (value: unknown): boolean =>
  value === undefined || typeof value === "string";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
