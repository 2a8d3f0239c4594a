import { isIP } from "node:net";
import { limits } from "./limits.ts";

/**
 * A URL that may be told: https, to a host with a name, so that its certificate can be checked, and without a login
 * in it. Undefined for any other. What the name stands for is looked at when it is told.
 */
export function readWebhookUrl(text: string): URL | undefined {
  if (text.length > limits.urlCharsMax || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isFit =
    url.protocol === "https:" && url.username === "" && url.password === "" && url.hash === "";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return isFit && isIP(host) === 0 && host.includes(".") ? url : undefined;
}

/** `hooks.example.org`, `hooks.example.org:8443`, or `*.example.org` for all names below it. */
export function isListedUrl({ hostname, port }: URL, hosts: readonly string[]): boolean {
  return hosts.some((listed) => {
    const [name = "", listedPort = ""] = listed.toLowerCase().split(":");
    if (listedPort !== port) return false;
    return name.startsWith("*.") ? hostname.endsWith(name.slice(1)) : hostname === name;
  });
}
