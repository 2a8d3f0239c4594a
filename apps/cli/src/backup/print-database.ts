import { writeSync } from "node:fs";
import { databaseOctets } from "@posthouse/accounts/directory";

/** Run by database-octets.ts. */
const [, , path = ""] = process.argv;
const octets = databaseOctets(path);
for (let at = 0; at < octets.length; ) at += writeSync(1, octets, at);
