export type MaybePromise<T> = T | Promise<T>;

/**
 * What comes after a command: undefined is the next one. "stop" ends everything (RFC 5228 §3.3),
 * "return" the script (RFC 6609 §3.3), and a break the loop of that number, counted from the outermost.
 */
export type Flow = undefined | "stop" | "return" | { readonly breaks: number };
