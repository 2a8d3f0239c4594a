import type { Place } from "../sieve-error.ts";

/** One token of RFC 5228 §8.1. */
export type Token =
  | (Place & { readonly kind: "identifier" | "tag"; readonly name: string })
  | (Place & { readonly kind: "number"; readonly value: number })
  | (Place & { readonly kind: "string"; readonly value: string })
  | (Place & { readonly kind: "punctuation"; readonly text: string })
  | (Place & { readonly kind: "end" });

/** How a token is named in an error. */
export function describeToken(token: Token): string {
  switch (token.kind) {
    case "identifier":
      return `"${token.name}"`;
    case "tag":
      return `":${token.name}"`;
    case "number":
      return `the number ${token.value}`;
    case "string":
      return "a string";
    case "punctuation":
      return `"${token.text}"`;
    case "end":
      return "the end of the script";
  }
}
