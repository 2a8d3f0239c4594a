/** A request, as far as a route sees it. */
export interface Request {
  readonly method: string;
  /** Without the query, percent-encoding as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The Host field as it came: anything at all. */
  readonly host: string | undefined;
  /** Undefined when it is longer. */
  readonly body: (bytesMax: number) => Promise<string | undefined>;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

const text = (status: number, body: string): Answer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${body}\n`,
});

/** What is said whatever was asked. */
export const answers = {
  notFound: text(404, "Not found"),
  methodNotAllowed: { ...text(405, "Method not allowed"), headers: { allow: "GET, HEAD" } },
  tooLarge: text(413, "Too large"),
  unavailable: { ...text(503, "Try again later"), headers: { "retry-after": "60" } },
  failed: text(500, "Internal error"),
} as const satisfies Record<string, Answer>;
