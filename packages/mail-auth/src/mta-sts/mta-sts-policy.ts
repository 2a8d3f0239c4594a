/** What a domain says about the TLS of its mail hosts: RFC 8461 §3.2. */
export interface MtaStsPolicy {
  readonly mode: "enforce" | "testing" | "none";
  /** Names of its mail hosts, also `*.example.org`. */
  readonly mx: readonly string[];
  readonly maxAgeSeconds: number;
}

/** RFC 8461 §3.2: at most about a year. */
const MAX_AGE_SECONDS = 31_557_600;

/** Undefined when it is no policy of this version. Unknown keys are passed over. */
export function parseMtaStsPolicy(text: string): MtaStsPolicy | undefined {
  const pairs = text
    .split(/\r?\n/u)
    .map((line) => /^[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*$/u.exec(line))
    .filter((match) => match !== null)
    .map(([, key = "", value = ""]) => ({ key, value }));
  // §3.2: of a key that may stand once the first one counts.
  const first = (key: string) => pairs.find((pair) => pair.key === key)?.value;
  const mode = first("mode");
  const maxAge = first("max_age") ?? "";
  const mx = pairs.filter(({ key }) => key === "mx").map(({ value }) => value.toLowerCase());
  if (first("version") !== "STSv1" || !/^\d{1,10}$/u.test(maxAge)) return undefined;
  if (mode !== "enforce" && mode !== "testing" && mode !== "none") return undefined;
  if (mode !== "none" && mx.length === 0) return undefined;
  return { mode, mx, maxAgeSeconds: Math.min(Number(maxAge), MAX_AGE_SECONDS) };
}

/** RFC 8461 §4.1: a wildcard stands for one label, the first one. */
export function isMxNamed({ mx }: MtaStsPolicy, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/u, "");
  return mx.some((pattern) =>
    pattern.startsWith("*.") ? name.replace(/^[^.]+/u, "*") === pattern : name === pattern,
  );
}

/** The id in the TXT record of _mta-sts: RFC 8461 §3.1. Undefined unless there is one such record. */
export function mtaStsIdIn(texts: readonly string[]): string | undefined {
  const records = texts.filter((text) => /^v=STSv1[ \t]*;/u.test(text));
  if (records.length !== 1) return undefined;
  return /;[ \t]*id=([A-Za-z0-9]{1,32})[ \t]*(?:;|$)/u.exec(records[0] ?? "")?.[1];
}
