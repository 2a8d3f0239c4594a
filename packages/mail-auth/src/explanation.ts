import type { MailAuthResults } from "./verdicts.ts";

/** The reasons of all verdicts, a sentence each, the one that decides first. */
export function explainResults({ iprev, spf, dkim, dmarc, arc }: MailAuthResults): string[] {
  return [
    sentence("DMARC", dmarc),
    sentence("SPF", spf),
    ...(dkim.length === 0
      ? ["DKIM none: nobody signed it"]
      : dkim.map((one) => sentence("DKIM", one))),
    ...(arc.result === "none" ? [] : [sentence("ARC", arc)]),
    sentence("Client's name", iprev),
  ];
}

const sentence = (method: string, { result, reason }: { result: string; reason: string }): string =>
  `${method} ${result}: ${reason}`;

/** X-Posthouse-Auth: the same for whoever looks at the header, with its line ends. */
export function explanationField(sentences: readonly string[]): string {
  return `X-Posthouse-Auth: ${sentences.map(folded).join(";\r\n\t")}\r\n`;
}

/** RFC 5322 §2.1.1: 78 characters a line, where there is a blank to fold at. */
function folded(sentence: string): string {
  const lines = [""];
  for (const word of sentence.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + word.length < FOLD_CHARS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join("\r\n\t ");
}

const FOLD_CHARS = 74;
