import fc from "fast-check";

/** A message as its writer means it, and as it travels. What is sought in it is known from the first alone. */
export interface WrittenMessage {
  readonly octets: Buffer;
  readonly subject: string;
  readonly fields: readonly (readonly [name: string, text: string])[];
  /** Of text parts, and fields of messages inside. */
  readonly body: readonly string[];
  /** Names of files that are attached. */
  readonly mime: readonly string[];
}

/** A way to write text in octets, and the characters that can be written so. */
interface Charset {
  readonly name: string;
  readonly characters: string;
  encode(text: string): Buffer;
}

const ascii = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;<>()&\"'@/_-";

/** Every charset of one octet a character, from what the platform reads. */
function singleByte(name: string): Charset {
  const decoder = new TextDecoder(name);
  const octetOf = new Map<string, number>();
  for (let octet = 0x20; octet < 0x100; octet += 1) {
    const character = decoder.decode(Uint8Array.of(octet));
    if (/[\p{L}\p{S}\p{P}\p{N} ]/u.test(character)) octetOf.set(character, octet);
  }
  const high = [...octetOf].filter(([, octet]) => octet > 0x7f).map(([character]) => character);
  return {
    name,
    characters: ascii + high.join(""),
    encode: (text) => Buffer.from(Array.from(text, (one) => octetOf.get(one) ?? one.charCodeAt(0))),
  };
}

/** Half of row 4 of JIS X 0208, shifted in and out. */
const iso2022jp: Charset = {
  name: "iso-2022-jp",
  characters: `abc XYZ あいうえおかきくけこ`,
  encode: (text) =>
    Buffer.concat(
      Array.from(text, (one) => {
        const point = one.codePointAt(0) ?? 0;
        if (point < 0x80) return Buffer.from(one);
        return Buffer.from([0x1b, 0x24, 0x42, 0x24, point - 0x3041 + 0x21, 0x1b, 0x28, 0x42]);
      }),
    ),
};

const utf8: Charset = {
  name: "utf-8",
  characters: `${ascii}äöüßÄÖÜéÉçñøåΣσςΑΩжЖшШ日本語中文한국어가각ﬁｆＵＬＬ…²\u00a0e\u0301👍🎉İıŉ`,
  encode: (text) => Buffer.from(text),
};

const charsets: readonly Charset[] = [
  utf8,
  singleByte("iso-8859-15"),
  singleByte("windows-1251"),
  singleByte("koi8-r"),
  iso2022jp,
];

/** Some text in some charset; no white space at its ends or twice, which HTML and headers take away. */
function textIn(charset: Charset, maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...Array.from(charset.characters)), { maxLength })
    .map((characters) => characters.join("").replaceAll(/ +/g, " ").trim());
}

const charset = fc.constantFrom(...charsets);
const charsetAndText = (maxLength: number) =>
  charset.chain((one) => fc.tuple(fc.constant(one), textIn(one, maxLength)));

interface WrittenPart {
  readonly header: readonly string[];
  readonly octets: Buffer;
  readonly texts: readonly string[];
  readonly fileName?: string;
}

const textPart: fc.Arbitrary<WrittenPart> = fc
  .tuple(
    charset.chain((one) =>
      fc.tuple(fc.constant(one), fc.array(textIn(one, 60), { minLength: 1, maxLength: 4 })),
    ),
    fc.constantFrom("base64", "quoted-printable", "8bit"),
    fc.boolean(),
  )
  .map(([[one, lines], encoding, isHtml]) => {
    const text = isHtml ? lines.join(" ").replaceAll(/ +/g, " ").trim() : lines.join("\r\n");
    const written = isHtml ? `<html><p>${escapedHtml(text)}</p></html>` : text;
    const octets = transferEncoded(one.encode(written), encoding);
    const type = isHtml ? "html" : "plain";
    return {
      header: [
        `Content-Type: text/${type}; charset=${one.name}`,
        `Content-Transfer-Encoding: ${encoding}`,
      ],
      octets,
      texts: [text],
    };
  });

const attachment: fc.Arbitrary<WrittenPart> = textIn(utf8, 20).map((fileName) => ({
  header: [
    "Content-Type: application/octet-stream",
    `Content-Disposition: attachment; filename*=utf-8''${percentEncoded(fileName)}`,
    "Content-Transfer-Encoding: base64",
  ],
  octets: Buffer.from("bm90IHRleHQ="),
  texts: [],
  fileName,
}));

const innerMessage: fc.Arbitrary<WrittenPart> = fc
  .tuple(charsetAndText(20), textPart)
  .map(([[one, subject], part]) => ({
    header: ["Content-Type: message/rfc822"],
    octets: Buffer.concat([
      Buffer.from(`Subject: ${encodedWords(subject, one, "B")}\r\n`),
      Buffer.from(`${part.header.join("\r\n")}\r\n\r\n`),
      part.octets,
    ]),
    texts: [`Subject: ${subject}`, ...part.header, ...part.texts],
  }));

export const writtenMessage: fc.Arbitrary<WrittenMessage> = fc
  .record({
    subject: charsetAndText(30),
    isB: fc.boolean(),
    note: textIn(utf8, 200),
    parts: fc.array(fc.oneof({ arbitrary: textPart, weight: 3 }, attachment, innerMessage), {
      minLength: 1,
      maxLength: 3,
    }),
    id: fc.uuid(),
  })
  .map(({ subject: [one, subject], isB, note, parts, id }) => {
    const raw = note.replaceAll("=?", "");
    const header = [
      `Subject: ${encodedWords(subject, one, isB ? "B" : "Q")}`,
      `X-Note: ${raw}`,
      `Message-ID: <${id}@example.org>`,
      "MIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="=_="',
    ];
    const octets: Buffer[] = [Buffer.from(`${header.join("\r\n")}\r\n\r\n`)];
    for (const part of parts) {
      octets.push(Buffer.from(`--=_=\r\n${part.header.join("\r\n")}\r\n\r\n`));
      octets.push(part.octets, Buffer.from("\r\n"));
    }
    octets.push(Buffer.from("--=_=--\r\n"));
    return {
      octets: Buffer.concat(octets),
      subject,
      fields: [
        ["Subject", ` ${subject}`],
        ["X-Note", ` ${raw}`],
        ["Message-ID", ` <${id}@example.org>`],
        ["MIME-Version", " 1.0"],
        ["Content-Type", ' multipart/mixed; boundary="=_="'],
      ],
      body: parts.flatMap(({ texts }) => texts),
      mime: parts.flatMap(({ header: lines, fileName }) =>
        fileName === undefined ? lines : [...lines, ` attachment; filename="${fileName}"`],
      ),
    };
  });

function transferEncoded(octets: Buffer, encoding: string): Buffer {
  if (encoding === "8bit") return octets;
  if (encoding === "base64") {
    return Buffer.from(octets.toString("base64").replaceAll(/.{76}(?=.)/g, "$&\r\n"));
  }
  let line = "";
  const lines: string[] = [];
  for (const [at, octet] of octets.entries()) {
    if (octet === 0x0d && octets[at + 1] === 0x0a) continue;
    if (octet === 0x0a && octets[at - 1] === 0x0d) {
      lines.push(line);
      line = "";
      continue;
    }
    const isPlain = octet > 0x20 && octet < 0x7f && octet !== 0x3d;
    line += isPlain ? String.fromCharCode(octet) : escaped("=", octet);
    if (line.length < 70) continue;
    lines.push(`${line}=`);
    line = "";
  }
  return Buffer.from([...lines, line].join("\r\n"));
}

function encodedWords(text: string, one: Charset, kind: "B" | "Q"): string {
  const words: string[] = [];
  const characters = Array.from(text);
  for (let at = 0; at < characters.length; at += 8) {
    const octets = one.encode(characters.slice(at, at + 8).join(""));
    const encoded =
      kind === "B"
        ? octets.toString("base64")
        : Array.from(octets, (o) => escaped("=", o)).join("");
    words.push(`=?${one.name}?${kind}?${encoded}?=`);
  }
  return words.join("\r\n ");
}

function percentEncoded(text: string): string {
  return Array.from(Buffer.from(text), (octet) => escaped("%", octet)).join("");
}

function escaped(sign: string, octet: number): string {
  return sign + octet.toString(16).toUpperCase().padStart(2, "0");
}

function escapedHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
