const shownCharactersMax = 300;

/** The server did not answer as the transcript says; the message shows the dialogue up to there. */
export class TranscriptMismatch extends Error {
  override readonly name = "TranscriptMismatch";
  readonly file: string;
  readonly lineNumber: number;
  readonly expected: string;
  readonly got: string;

  constructor(
    at: { readonly file: string; readonly lineNumber: number },
    { expected, got }: { readonly expected: string; readonly got: string },
    dialogue: readonly string[],
  ) {
    super(
      [
        `${at.file}:${at.lineNumber}: The server did not answer as expected`,
        `  expected: ${expected}`,
        `  got:      ${got}`,
        "The dialogue so far:",
        ...dialogue.map((line) => `  ${line}`),
      ].join("\n"),
    );
    this.file = at.file;
    this.lineNumber = at.lineNumber;
    this.expected = expected;
    this.got = got;
  }
}

/** Octets as they would be written in a transcript: UTF-8 where they are, else `\xHH`; cut when long. */
export function showOctets(octets: string): string {
  const cut = octets.slice(0, shownCharactersMax);
  const text = Buffer.from(cut, "latin1").toString("utf8");
  const isUtf8 = !text.includes("\ufffd");
  const shown = isUtf8
    ? text.replace(/\p{Cc}| $/gu, showOctet)
    : cut.replace(/\p{Cc}|\P{ASCII}| $/gu, showOctet);
  return octets.length > cut.length ? `${shown}… (${octets.length} octets)` : shown;
}

const showOctet = (character: string): string =>
  `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
