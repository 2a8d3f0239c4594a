import { isIP } from "node:net";
import { Parser } from "htmlparser2";
import { limits } from "./limits.ts";
import { type DmarcReport, type DmarcRow, hasPassed } from "./report.ts";
import { ReportError } from "./report-error.ts";
import { countIn, domainIn, domainOf, periodOf, textOf } from "./values.ts";

/** How much is given to the parser at a time. */
const PIECE_CHARS = 64 * 1024;

/**
 * Reads an aggregate report: RFC 9990 Appendix A, and RFC 7489 Appendix C, which most send.
 *
 * The parser knows the five entities of XML and numbers, and no others; a document type, which could make
 * more, is refused. Only one record is in memory, beside the rows that came of those before it.
 *
 * @throws ReportError
 */
export function parseDmarcXml(octets: Uint8Array): DmarcReport {
  const reader = new FeedbackReader();
  const parser = new Parser(reader, { xmlMode: true });
  const text = new TextDecoder().decode(octets);
  for (let at = 0; at < text.length; at += PIECE_CHARS) {
    parser.write(text.slice(at, at + PIECE_CHARS));
  }
  parser.end();
  return reader.report();
}

/** The values of one element and those within it, by their path below it; the first of each name. */
type Values = Map<string, string>;

class FeedbackReader {
  readonly #path: string[] = [];
  readonly #about: Values = new Map();
  readonly #rows = new RowCollector();
  #record: Values = new Map();
  #lists: { readonly signatures: string[]; readonly reasons: string[] } = emptyLists();
  /** Of a dkim or a reason, of which a record may have several. */
  #one: Values = new Map();
  #text = "";
  #isJustOpened = false;
  #isEnded = false;

  onprocessinginstruction(name: string): void {
    if (name.toLowerCase() === "!doctype") {
      throw new ReportError("has a document type, which no report needs");
    }
  }

  onopentagname(name: string): void {
    if (this.#path.length === 0 && (this.#isEnded || name !== "feedback")) {
      throw new ReportError("is no DMARC report: it does not begin with feedback");
    }
    if (this.#path.length >= limits.depthMax) throw new ReportError("has elements nested too deep");
    this.#path.push(name);
    this.#text = "";
    this.#isJustOpened = true;
  }

  ontext(text: string): void {
    this.#isJustOpened = false;
    if (this.#text.length < limits.valueCharsMax) this.#text += text.slice(0, limits.valueCharsMax);
  }

  onclosetag(_name: string, isImplied: boolean): void {
    // Implied is also the end of an empty element, <extension/>; the outermost has to be ended in words.
    const isEmpty = this.#isJustOpened && this.#path.length > 1;
    if (isImplied && !isEmpty) throw new ReportError("is not well-formed, or ends too early");
    const [, top = "", ...rest] = this.#path;
    const value = textOf(this.#text);
    this.#text = "";
    this.#isJustOpened = false;
    this.#path.pop();
    if (this.#path.length === 0) this.#isEnded = true;
    else if (top === "record") this.#inRecord(rest, value);
    else setFirst(this.#about, [top, ...rest].join("/"), value);
  }

  report(): DmarcReport {
    if (!this.#isEnded)
      throw new ReportError("is no DMARC report: it does not begin with feedback");
    const of = (path: string) => this.#about.get(path);
    const begin = countIn(of("report_metadata/date_range/begin"));
    const end = countIn(of("report_metadata/date_range/end"));
    return {
      kind: "dmarc",
      organisation: of("report_metadata/org_name") ?? "",
      reportId: of("report_metadata/report_id") ?? "",
      domain: domainOf(of("policy_published/domain")),
      ...periodOf(begin && begin * 1000, end && end * 1000),
      policy: of("policy_published/p") ?? "",
      ...this.#rows.result(),
    };
  }

  #inRecord(path: readonly string[], value: string): void {
    const joined = path.join("/");
    if (path.length === 0) this.#endRecord();
    else if (joined === "auth_results/dkim") {
      const [domain = "", selector = "", result = ""] = ["domain", "selector", "result"].map(
        (name) => this.#one.get(name),
      );
      keep(
        this.#lists.signatures,
        `${domain} ${selector} ${result}`.replaceAll(/ +/gu, " ").trim(),
      );
      this.#one = new Map();
    } else if (joined === "row/policy_evaluated/reason") {
      keep(this.#lists.reasons, this.#one.get("type") ?? "");
      this.#one = new Map();
    } else if (/^(?:auth_results\/dkim|row\/policy_evaluated\/reason)\//u.test(joined)) {
      setFirst(this.#one, path.at(-1) ?? "", value);
    } else setFirst(this.#record, joined, value);
  }

  #endRecord(): void {
    const of = (path: string) => this.#record.get(path) ?? "";
    const address = of("row/source_ip");
    const messages = countIn(of("row/count"));
    // One that says nothing that could be counted makes the others no worse.
    if (isIP(address) !== 0 && messages !== undefined && messages > 0) {
      const sender = `${of("auth_results/spf/domain")} ${of("auth_results/spf/result")}`;
      this.#rows.add({
        address,
        messages,
        disposition: of("row/policy_evaluated/disposition"),
        dkim: of("row/policy_evaluated/dkim") === "pass",
        spf: of("row/policy_evaluated/spf") === "pass",
        author: domainIn(of("identifiers/header_from")) ?? "",
        ...this.#lists,
        sender: sender.trim(),
      });
    }
    this.#record = new Map();
    this.#lists = emptyLists();
  }
}

const emptyLists = () => ({ signatures: [] as string[], reasons: [] as string[] });

/** Names of a report's own making do not fill the memory: it has so many paths, and none of ours is longer. */
function setFirst(values: Values, path: string, value: string): void {
  if (values.size < 100 && path.length < 100 && !values.has(path)) values.set(path, value);
}

function keep(list: string[], text: string): void {
  if (text !== "" && list.length < limits.detailsMax) list.push(text);
}

/** Adds up records that say the same, and keeps those that matter: failures first, then the largest. */
class RowCollector {
  readonly #rows = new Map<string, DmarcRow>();

  add(row: DmarcRow): void {
    const key = JSON.stringify({ ...row, messages: 0 });
    const known = this.#rows.get(key);
    if (known === undefined && this.#rows.size >= limits.recordsMax) {
      throw new ReportError(`has more than ${limits.recordsMax} records`);
    }
    this.#rows.set(key, { ...row, messages: row.messages + (known?.messages ?? 0) });
  }

  result(): Pick<DmarcReport, "rows" | "others"> {
    const rows = [...this.#rows.values()].sort(
      (a, b) => Number(hasPassed(a)) - Number(hasPassed(b)) || b.messages - a.messages,
    );
    const others = rows.slice(limits.rowsKeptMax);
    const sum = (some: readonly DmarcRow[]) =>
      some.reduce((total, { messages }) => total + messages, 0);
    return {
      rows: rows.slice(0, limits.rowsKeptMax),
      ...(others.length > 0 && {
        others: {
          messages: sum(others),
          failed: sum(others.filter((row) => !hasPassed(row))),
        },
      }),
    };
  }
}
