import { type AdoptionOptions, adoptMail } from "../src/adopt/adopt-mail.ts";

/** Takes a tree over and is killed on the way: `adopt-child.ts <AdoptionOptions as JSON>`. */
await adoptMail(JSON.parse(process.argv[2] ?? "") as AdoptionOptions);
