import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What the searches of the bench look for, and in how many of the messages it is. */
export const words = {
  /** 1 of 5,000. */
  rare: "hippopotamus",
  /** 1 of 100. */
  percent: "ornithology",
  /** All. */
  every: "unsubscribe",
} as const;

const startMs = Date.UTC(2024, 0, 1, 8);
const minutesApart = 7;

/**
 * Mail as an account has it after some years, the same each time: words as often as a language has them, four
 * relays' headers, plain text, text with HTML, quoted-printable and base64, attachments, conversations.
 * 1 to 20 KiB a message.
 */
export class MadeMail {
  readonly #random = randomNumbers(20_260_101);
  readonly #words: readonly string[];
  /** Message-IDs and references of the last messages, which the next ones may answer. */
  readonly #conversations: { readonly id: string; readonly references: string; subject: string }[] =
    [];
  #made = 0;

  constructor() {
    const syllables = "ka to re mi sol an der un ge ver be ing tion er est al or is us em".split(
      " ",
    );
    this.#words = Array.from({ length: 20_000 }, () =>
      Array.from({ length: 1 + this.#below(3) }, () => this.#oneOf(syllables)).join(""),
    );
  }

  /** The next message, with its date. */
  next(): { readonly octets: Buffer; readonly dateMs: number } {
    const number = this.#made++;
    const dateMs = startMs + number * minutesApart * 60_000;
    const date = new Date(dateMs).toUTCString().replace("GMT", "+0000");
    const { id, references, subject } = this.#conversation(number);
    const name = `${capital(this.#word())} ${capital(this.#word())}`;
    const header = [
      ...Array.from({ length: 4 }, (_, hop) => this.#received(hop, date)),
      `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${this.#word()}.example; s=mail;`,
      `\tbh=${this.#base64(32)}; b=${this.#base64(48)}`,
      `\t ${this.#base64(51)}`,
      `From: ${name} <${this.#word()}.${this.#word()}@${this.#word()}.example>`,
      `To: User <user@example.test>${this.#below(4) === 0 ? `, ${this.#word()}@other.example` : ""}`,
      `Subject: ${subject}`,
      `Date: ${date}`,
      `Message-ID: ${id}`,
      ...(references === ""
        ? []
        : [`In-Reply-To: ${references.slice(references.lastIndexOf("<"))}`]),
      ...(references === "" ? [] : [`References: ${references}`]),
      "MIME-Version: 1.0",
      "X-Mailer: Made Mail 1.0",
    ];
    return { octets: Buffer.from([...header, ...this.#content(number)].join("\r\n")), dateMs };
  }

  #conversation(number: number) {
    const id = `<${number.toString(36)}.${this.#base64(9).replaceAll(/\W/g, "x")}@mail.example>`;
    const answered =
      this.#below(10) < 6
        ? this.#conversations[this.#below(this.#conversations.length)]
        : undefined;
    const references =
      answered === undefined
        ? ""
        : `${answered.references} ${answered.id}`.trim().split(" ").slice(-10).join("\r\n ");
    const subject =
      answered === undefined
        ? capital(this.#sentence(3 + this.#below(6)))
        : `Re: ${answered.subject.replace(/^Re: /, "")}`;
    const made = { id, references: references.replaceAll("\r\n", ""), subject };
    this.#conversations.push(made);
    if (this.#conversations.length > 200) this.#conversations.shift();
    return { ...made, references };
  }

  #received(hop: number, date: string): string {
    return [
      `Received: from relay${hop}.${this.#word()}.example (relay${hop}.example [192.0.2.${this.#below(250)}])`,
      `\tby mx${hop}.example.test (Postfix) with ESMTPS id ${this.#base64(6)}`,
      `\tfor <user@example.test>; ${date}`,
    ].join("\r\n");
  }

  /** Content-Type and all that follows. */
  #content(number: number): string[] {
    const boundary = `=_${number.toString(36)}_${this.#base64(12).replaceAll(/\W/g, "_")}`;
    switch (this.#below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#plain(number, "8bit");
      case 4:
        return this.#plain(number, "base64");
      case 5:
      case 6:
      case 7:
        return this.#multipart("alternative", boundary, [
          this.#plain(number, "quoted-printable"),
          this.#html(),
        ]);
      case 8:
        return this.#multipart("mixed", boundary, [
          this.#plain(number, "8bit"),
          this.#attachment(),
        ]);
      default:
        return this.#multipart("mixed", boundary, [
          this.#multipart("alternative", `${boundary}_in`, [
            this.#plain(number, "quoted-printable"),
            this.#html(),
          ]),
          this.#attachment(),
        ]);
    }
  }

  #multipart(subtype: string, boundary: string, parts: readonly string[][]): string[] {
    return [
      `Content-Type: multipart/${subtype}; boundary="${boundary}"`,
      "",
      "This is a message in several parts.",
      ...parts.flatMap((part) => [`--${boundary}`, ...part]),
      `--${boundary}--`,
      "",
    ];
  }

  #plain(number: number, encoding: "8bit" | "base64" | "quoted-printable"): string[] {
    const lines = Array.from({ length: this.#lineCount() }, () => this.#sentence(9));
    if (number % 5_000 === 13) lines.push(`A ${words.rare} was seen`);
    if (number % 100 === 7) lines.push(`What ${words.percent} says`);
    lines.push("--", `To ${words.every}, write to the list`, "");
    const text = lines.join("\r\n");
    return [
      "Content-Type: text/plain; charset=utf-8",
      `Content-Transfer-Encoding: ${encoding}`,
      "",
      encoding === "base64" ? inLines(Buffer.from(text).toString("base64")) : text,
    ];
  }

  /** Few lines as a rule, now and then many. */
  #lineCount(): number {
    return 3 + Math.floor(90 * this.#random() ** 3);
  }

  #html(): string[] {
    const paragraphs = Array.from(
      { length: 2 + this.#below(12) },
      () => `<p style=3D"margin:0 0 1em">${capital(this.#sentence(12))}.</p>`,
    );
    return [
      "Content-Type: text/html; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "<html><body>",
      ...paragraphs,
      "</body></html>",
    ];
  }

  #attachment(): string[] {
    const name = `${this.#word()}.pdf`;
    return [
      `Content-Type: application/pdf; name="${name}"`,
      `Content-Disposition: attachment; filename="${name}"`,
      "Content-Transfer-Encoding: base64",
      "",
      inLines(this.#base64(600 + this.#below(8_000))),
    ];
  }

  /** Zipf's law: the n-th word comes with a frequency of 1/n. */
  #word(): string {
    return this.#words[Math.floor(this.#words.length ** this.#random())] ?? "";
  }

  #sentence(wordCount: number): string {
    let sentence = this.#word();
    for (let word = 1; word < wordCount; word += 1) sentence += ` ${this.#word()}`;
    return sentence;
  }

  #base64(octets: number): string {
    return Buffer.from(Array.from({ length: octets }, () => this.#below(256))).toString("base64");
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)] as Item;
  }
}

/**
 * So many messages as files of a Maildir's cur/, all seen. Their lines end with CRLF, which both servers serve
 * without a look at them, and their names say both sizes, so that none has to count.
 */
export async function writeMaildir(directory: string, messages: number): Promise<void> {
  for (const part of ["cur", "new", "tmp"]) await mkdir(join(directory, part), { recursive: true });
  const mail = new MadeMail();
  for (let at = 0; at < messages; at += 1) {
    const { octets, dateMs } = mail.next();
    const seconds = Math.floor(dateMs / 1000);
    const name = `${seconds}.M${at}P1.mx,S=${octets.length},W=${octets.length}:2,S`;
    await writeFile(join(directory, "cur", name), octets);
  }
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

const inLines = (base64: string): string => base64.replaceAll(/.{76}/g, "$&\r\n");

/** Numbers in [0, 1), the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
