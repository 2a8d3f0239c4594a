/**
 * Messages for the comparison with another server: what real programs write, and what nobody should. Each is
 * made from its seed alone, so that a difference has a name: `message 217`.
 */

/** Numbers of 0 to 1 that depend on the seed alone: mulberry32, which is public domain. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Maker {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  one<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  count(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  /** Fields of a message, in an order that varies; some are missing, doubled or broken. */
  header(isHostile: boolean): string[] {
    const fields = [
      `From: ${this.addresses(isHostile)}`,
      `To: ${this.addresses(isHostile)}`,
      `Subject: ${this.one(isHostile ? [...subjects, ...hostileSubjects] : subjects)}`,
      `Date: ${this.one(isHostile ? [...dates, ...hostileDates] : dates)}`,
      `Message-ID: <${this.count(1, 99_999)}.x@example.org>`,
    ];
    if (this.chance(0.4)) fields.push(`Cc: ${this.addresses(isHostile)}`);
    if (this.chance(0.2)) fields.push(`Reply-To: ${this.addresses(isHostile)}`);
    if (this.chance(0.2)) fields.push(`Sender: ${this.one(addresses)}`);
    if (this.chance(0.3)) fields.push(`In-Reply-To: <${this.count(1, 999)}@example.net>`);
    if (this.chance(0.3)) fields.unshift("Received: from a.example by b.example; 1 Jan 2020");
    if (isHostile && this.chance(0.3)) fields.splice(this.count(0, 3), 0, this.one(hostileFields));
    if (isHostile && this.chance(0.2)) fields.splice(this.count(0, 4), 1);
    return fields;
  }

  addresses(isHostile: boolean): string {
    const from = isHostile ? [...addresses, ...hostileAddresses] : addresses;
    return Array.from({ length: this.count(1, 3) }, () => this.one(from)).join(
      this.one([", ", ",\r\n "]),
    );
  }

  /** Content fields, an empty line and a body: a part, without what stands around it. */
  part(depth: number, isHostile: boolean): string {
    const roll = this.#random();
    if (depth > 0 && roll < 0.4) return this.multipart(depth, isHostile);
    if (depth > 0 && roll < 0.5) return this.message(depth, isHostile);
    return this.leaf(isHostile);
  }

  leaf(isHostile: boolean): string {
    const fields: string[] = [];
    if (this.chance(0.9)) {
      fields.push(`Content-Type: ${this.one(isHostile ? [...types, ...hostileTypes] : types)}`);
    }
    if (this.chance(0.6)) {
      const from = isHostile ? [...encodings, ...hostileEncodings] : encodings;
      fields.push(`Content-Transfer-Encoding: ${this.one(from)}`);
    }
    if (this.chance(0.4)) {
      const from = isHostile ? [...dispositions, ...hostileDispositions] : dispositions;
      fields.push(`Content-Disposition: ${this.one(from)}`);
    }
    if (this.chance(0.2)) fields.push("Content-ID: <part1@example.org>");
    if (this.chance(0.15)) fields.push("Content-Description: A (small) part");
    if (this.chance(0.1)) fields.push("Content-Language: en, de");
    if (this.chance(0.1)) fields.push("Content-Location: http://example.org/a%20b");
    if (this.chance(0.1)) fields.push("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==");
    const body = this.one(isHostile ? [...bodies, ...hostileBodies] : bodies);
    return `${fields.map((field) => `${field}\r\n`).join("")}\r\n${body}`;
  }

  multipart(depth: number, isHostile: boolean): string {
    const boundary = this.one(isHostile ? [...boundaries, ...hostileBoundaries] : boundaries);
    const subtype = this.one(["mixed", "alternative", "related", "signed", "digest", "Report"]);
    const written =
      /[ ()<>@,;:\\"/[\]?=]/.test(boundary) || this.chance(0.5) ? `"${boundary}"` : boundary;
    const extra = this.one([
      "",
      "",
      "; charset=utf-8",
      ';\r\n type="text/html"',
      "; micalg=pgp-sha1",
    ]);
    let text = `Content-Type: multipart/${subtype}; boundary=${written}${extra}\r\n\r\n`;
    if (this.chance(0.5)) text += "This is a message in several parts.\r\n";
    for (let parts = this.count(isHostile ? 0 : 1, 3); parts > 0; parts -= 1) {
      const padding = isHostile && this.chance(0.2) ? " \t" : "";
      text += `--${boundary}${padding}\r\n${this.part(depth - 1, isHostile)}`;
      text += isHostile && this.chance(0.1) ? "" : "\r\n";
    }
    const isClosed = !isHostile || this.chance(0.7);
    if (isClosed) text += `--${boundary}--\r\n`;
    if (this.chance(0.2)) text += "An epilogue\r\n";
    return text;
  }

  message(depth: number, isHostile: boolean): string {
    const encoding = isHostile && this.chance(0.2) ? "Content-Transfer-Encoding: base64\r\n" : "";
    const type = this.one(["message/rfc822", "message/rfc822", 'message/rfc822; name="a b.eml"']);
    return `Content-Type: ${type}\r\n${encoding}\r\n${this.whole(depth - 1, isHostile)}`;
  }

  whole(depth: number, isHostile: boolean): string {
    const fields = this.header(isHostile);
    if (this.chance(0.9)) fields.push("MIME-Version: 1.0");
    return fields.map((field) => `${field}\r\n`).join("") + this.part(depth, isHostile);
  }
}

const addresses = [
  "ann@example.org",
  "Ann <ann@example.org>",
  '"Ann B. Example" <ann.b@example.org>',
  "ann@example.org (Ann)",
  "=?utf-8?Q?J=C3=BCrgen?= <j@example.org>",
  "Friends: bob@example.net, Carol <carol@example.net>;",
  "undisclosed-recipients:;",
  "<dave@[192.0.2.1]>",
  '"quoted local"@example.org',
];
const hostileAddresses = [
  "",
  "ann",
  "Ann Example",
  "<>",
  "Ann <ann@example.org",
  "ann@",
  "@example.org",
  "<@relay.example:ann@example.org>",
  "Ann B. Example <ann@example.org>",
  "ann @ example . org",
  '"unclosed <ann@example.org>',
  "(only a comment)",
  "a@b@example.org",
  "Ann <ann@example.org> trailing",
  "group: ann@example.org",
  "J\u00c3\u00bcrgen <j@example.org>",
  "ann@example.org; bob@example.org",
];
const subjects = [
  "Hello",
  "Re: the meeting on Tuesday",
  "=?utf-8?B?R3LDvMOfZQ==?=",
  'A "quoted" word and a back\\slash',
  "folded\r\n over two lines",
];
const hostileSubjects = [
  "",
  "\u00fc raw",
  "tab\there",
  "   spaces   ",
  "x".repeat(2000),
  "a\r\n \r\n b",
];
const dates = ["Mon, 7 Feb 1994 21:52:25 -0800", "Fri, 21 Nov 1997 09:55:06 -0600 (CST)"];
const hostileDates = ["yesterday", "", "Mon, 99 Foo 1994", "7 Feb 94 21:52 PST"];
const hostileFields = [
  "no colon here",
  "From : spaced@example.org",
  "Subject: second",
  ": no name",
  `X-Long: ${"y".repeat(5000)}`,
  "From: second@example.org",
  "To:third@example.org",
];
const types = [
  "text/plain",
  "text/plain; charset=utf-8",
  'text/html; charset="iso-8859-1"',
  "application/pdf; name=report.pdf",
  'image/png; name="a picture.png"',
  "TEXT/PLAIN; CHARSET=US-ASCII; FORMAT=flowed",
  'application/octet-stream;\r\n name="folded.bin"',
];
const hostileTypes = [
  "",
  "text",
  "/plain",
  "text/",
  "text/plain;",
  "text/plain; charset",
  "text/plain; charset=",
  "text/plain; =x",
  "text /plain; charset = utf-8",
  "text/plain; charset=utf-8 (comment)",
  "text/plain charset=utf-8",
  'text/plain; charset="unclosed',
  "application/x; name*0=a; name*1=b",
  "application/x; name*=utf-8''gr%C3%BC%C3%9F",
  'application/x; name="back\\\\slash \\" quote"',
  "application/x; name=two words",
  "multipart/mixed",
  "message/external-body; access-type=x",
  "message/rfc822",
  "text/plain, text/html",
];
const encodings = ["7bit", "8bit", "base64", "quoted-printable", "BASE64"];
const hostileEncodings = ["", "x-uuencode", "base64 (comment)", "quoted printable", '"base64"'];
const dispositions = [
  "inline",
  "attachment",
  "attachment; filename=a.txt",
  'attachment;\r\n filename="a b"',
];
const hostileDispositions = ["", ";filename=x", "attachment; filename", "attachment filename=x"];
const bodies = [
  "One line",
  "Two\r\nlines\r\n",
  "",
  "Gr\u00fc\u00dfe in latin-1\r\n",
  "SGVsbG8sIHdvcmxk\r\n",
  "a=3Db =\r\nc\r\n",
  "-- \r\nA signature\r\n",
];
const hostileBodies = [
  "--",
  "--b",
  "--b--\r\n",
  "\r\n\r\n",
  "From: not a header\r\n\r\nx",
  "a\rb\r\n",
  "x".repeat(3000),
];
const boundaries = ["b", "----=_Part_1", "=_2 x", "bb"];
const hostileBoundaries = ["b-", "--", "bbb", "b ", "0'()+_,-./:=?", "z".repeat(70)];

/** Octets as one character each. Odd seeds are what programs write, even ones are hostile. */
export function madeMessage(seed: number): Buffer {
  return Buffer.from(new Maker(seed).whole(4, seed % 2 === 0), "latin1");
}
