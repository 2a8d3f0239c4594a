import { Tokenizer, type TokenizerCallbacks } from "htmlparser2";

/** Names of tags are looked at up to here. */
const tagNameCharactersMax = 16;

/** Elements whose content no reader sees: those that the tokenizer too passes over up to their end tag. */
const unseenElements: ReadonlySet<string> = new Set([
  "script",
  "style",
  "iframe",
  "noembed",
  "noframes",
]);

/** Elements that run on within their line; each other begins and ends one. */
const inlineElements: ReadonlySet<string> = new Set(
  `a abbr acronym b basefont bdi bdo big cite code data del dfn em font i ins kbd label mark nobr o:p
   q ruby s samp small span strike strong sub sup time tt u var wbr`.split(/\s+/),
);

/**
 * The text that a reader of an HTML document sees, in pieces of any size: no tags, comments and scripts,
 * character references decoded, runs of white space as one space, a line end where a block or a row ends.
 *
 * On the tokenizer alone: a parser keeps a stack of open elements, which a message of a million <b> makes
 * it search a million times.
 */
export class HtmlText {
  readonly #tokenizer: Tokenizer;
  /** What was written since #start, with as much before it as the tokenizer may still speak of. */
  #written = "";
  #writtenStart = 0;
  #text = "";
  /** The name of an element whose content is not seen. */
  #unseen: string | undefined;
  /** What stands before the next visible character. */
  #gap: "" | " " | "\n" = "";
  #hasText = false;

  constructor() {
    const nothing = (): void => undefined;
    const handler: TokenizerCallbacks = {
      ontext: (start, end) => this.#addText(this.#slice(start, end)),
      ontextentity: (codePoint) => this.#addText(String.fromCodePoint(codePoint)),
      onopentagname: (start, end) => this.#open(this.#name(start, end)),
      onclosetag: (start, end) => this.#close(this.#name(start, end)),
      oncdata: (start, end, endOffset) => this.#addText(this.#slice(start, end - endOffset)),
      onattribdata: nothing,
      onattribentity: nothing,
      onattribend: nothing,
      onattribname: nothing,
      oncomment: nothing,
      ondeclaration: nothing,
      onend: nothing,
      onopentagend: nothing,
      onprocessinginstruction: nothing,
      onselfclosingtag: nothing,
    };
    this.#tokenizer = new Tokenizer({}, handler);
  }

  push(html: string): string {
    this.#written += html;
    this.#tokenizer.write(html);
    this.#forget();
    return this.#take();
  }

  end(): string {
    this.#tokenizer.end();
    return this.#take();
  }

  #take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** A token that is longer than this is cut at its beginning. */
  #forget(): void {
    const kept = 4_096;
    if (this.#written.length <= kept) return;
    this.#writtenStart += this.#written.length - kept;
    this.#written = this.#written.slice(-kept);
  }

  #slice(start: number, end: number): string {
    return this.#written.slice(
      Math.max(start - this.#writtenStart, 0),
      Math.max(end - this.#writtenStart, 0),
    );
  }

  #name(start: number, end: number): string {
    return this.#slice(start, Math.min(end, start + tagNameCharactersMax)).toLowerCase();
  }

  #open(name: string): void {
    if (this.#unseen !== undefined) return;
    if (unseenElements.has(name)) this.#unseen = name;
    else this.#noteTag(name);
  }

  #close(name: string): void {
    if (this.#unseen === name) this.#unseen = undefined;
    else if (this.#unseen === undefined) this.#noteTag(name);
  }

  #noteTag(name: string): void {
    if (name === "td" || name === "th" || name === "img") this.#gap ||= " ";
    else if (!inlineElements.has(name)) this.#gap = "\n";
  }

  /** White space is what HTML takes for it, which a no-break space is not. */
  #addText(text: string): void {
    if (this.#unseen !== undefined || text === "") return;
    const collapsed = text.replaceAll(/[ \t\n\f\r]+/g, " ");
    if (collapsed.startsWith(" ")) this.#gap ||= " ";
    const visible = collapsed.slice(
      collapsed.startsWith(" ") ? 1 : 0,
      collapsed.length - (collapsed.endsWith(" ") ? 1 : 0),
    );
    if (visible === "") return;
    this.#text += (this.#hasText ? this.#gap : "") + visible;
    this.#gap = collapsed.endsWith(" ") ? " " : "";
    this.#hasText = true;
  }
}
