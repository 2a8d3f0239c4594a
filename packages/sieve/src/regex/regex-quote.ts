/** The text as an expression that matches it and nothing else. */
export const regexQuote = (text: string): string => text.replace(/[\\^$.[\]|()*+?{}]/g, "\\$&");
