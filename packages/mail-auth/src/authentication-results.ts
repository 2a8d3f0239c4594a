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

/**
 * The author's domain of a message that is authentic by our own field: DMARC passed, or where the domain has no
 * DMARC record, a signature of it did. Undefined when it is not, and when the field is not of `hostname`.
 */
export function authenticatedAuthor(value: string, hostname: string): string | undefined {
  if (authservIdOf(value) !== hostname.toLowerCase()) return undefined;
  const results = sectionsOf(value).slice(1).map(readResult);
  const author = results.find(({ method }) => method === "dmarc");
  const domain = author?.properties.get("header.from")?.toLowerCase();
  if (author === undefined || domain === undefined || domain === "") return undefined;
  if (author.word === "pass") return domain;
  if (author.word !== "none") return undefined;
  const isSigned = results.some(({ method, word, properties }) => {
    const signer = properties.get("header.d")?.toLowerCase() ?? "";
    // A domain signs for those below it, as in relaxed alignment (RFC 9989 §4.4); of a top level nobody does.
    const isAbove = signer.includes(".") && domain.endsWith(`.${signer}`);
    return method === "dkim" && word === "pass" && (signer === domain || isAbove);
  });
  return isSigned ? domain : undefined;
}

/** Between the semicolons that stand in no quoted string. */
const sectionsOf = (value: string): readonly string[] =>
  (value.match(/(?:"(?:[^"\\]|\\.)*"|[^;"])+/gsu) ?? []).map((section) => section.trim());

/** One result as result() writes it. */
function readResult(section: string): {
  readonly method: string;
  readonly word: string;
  readonly properties: ReadonlyMap<string, string>;
} {
  const [, method = "", word = "", rest = ""] = /^(\w+)=(\w+)(.*)$/su.exec(section) ?? [];
  const properties = rest.matchAll(/\s([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))/gsu);
  return {
    method,
    word,
    properties: new Map(
      [...properties].map(([, name = "", quoted, plain]) => [
        name,
        plain ?? (quoted ?? "").replaceAll(/\\(.)/gsu, "$1"),
      ]),
    ),
  };
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
