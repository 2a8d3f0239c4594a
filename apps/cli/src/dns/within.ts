/** Whether a name stands in this domain; names of the host may stand elsewhere. */
export const isWithin = (name: string, domain: string): boolean =>
  name === domain || name.endsWith(`.${domain}`);

/** Which of the domains answers for the records of the host: its own, or the first when it has none here. */
export const domainOfHost = (hostname: string, domains: readonly string[]): string | undefined =>
  domains
    .filter((domain) => isWithin(hostname, domain))
    .toSorted((a, b) => b.length - a.length)[0] ?? domains[0];
