/** RFC 5322 §3.3, in UTC: a server's own time zone is of no use to anyone. */
export const formatDateTime = (atMs: number): string =>
  new Date(atMs).toUTCString().replace("GMT", "+0000");
