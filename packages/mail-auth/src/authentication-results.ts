import { shown } from "./shown.ts";
import type { MailAuthResults } from "./verdicts.ts";

/** The Authentication-Results field of RFC 8601, with its line ends. Its authserv-id is our host name. */
export function authenticationResultsField(hostname: string, results: MailAuthResults): string {
  const { iprev, spf, dkim, dmarc, arc } = results;
  const lines = [
    result("iprev", iprev.result, { "policy.iprev": iprev.address }),
    result("spf", spf.result, { [`smtp.${spf.identity}`]: spf.domain }),
    ...dkim.map((one) =>
      result("dkim", one.result, {
        "header.d": one.domain,
        "header.s": one.selector,
        "header.a": one.algorithm,
        "header.b": one.signature,
      }),
    ),
    // RFC 8601 §2.7.1: the message was not signed.
    ...(dkim.length === 0 ? [result("dkim", "none", {})] : []),
    result("dmarc", dmarc.result, {
      "header.from": dmarc.domain,
      // RFC 9989 §9.1: what is to be done with mail that fails.
      "policy.dmarc": dmarc.policy ?? "",
    }),
    ...(arc.result === "none" ? [] : [result("arc", arc.result, {})]),
  ];
  return `Authentication-Results: ${hostname};\r\n${lines.map((line) => `\t${line}`).join(";\r\n")}\r\n`;
}

function result(
  method: string,
  word: string,
  properties: Readonly<Record<string, string>>,
): string {
  const given = Object.entries(properties).filter(([, value]) => value !== "");
  return [`${method}=${word}`, ...given.map(([name, value]) => `${name}=${pvalue(value)}`)].join(
    " ",
  );
}

/** RFC 8601 §2.2: pvalue is a token or address where it can be, else a quoted string. */
function pvalue(value: string): string {
  const text = shown(value);
  if (/^[A-Za-z0-9!#$%&'*+.^_`{|}~-]+$/.test(text)) return text;
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * The authserv-id of an Authentication-Results field: its first word, comments left out (RFC 8601 §2.2).
 * Whoever writes ours pretends to be us.
 */
export function authservIdOf(value: string): string {
  const plain = withoutComments(value).trim();
  const quoted = /^"((?:[^"\\]|\\.)*)"/su.exec(plain)?.[1]?.replaceAll(/\\(.)/gsu, "$1");
  return (quoted ?? /^[^\s;]*/u.exec(plain)?.[0] ?? "").toLowerCase();
}

function withoutComments(value: string): string {
  let depth = 0;
  let isQuoted = false;
  let kept = "";
  for (let at = 0; at < value.length; at++) {
    const character = value.charAt(at);
    if (character === "\\") {
      if (depth === 0) kept += value.slice(at, at + 2);
      at++;
    } else if (depth === 0 && character === '"') {
      isQuoted = !isQuoted;
      kept += character;
    } else if (!isQuoted && character === "(") depth++;
    else if (!isQuoted && character === ")" && depth > 0) depth--;
    else if (depth === 0) kept += character;
  }
  return kept;
}
