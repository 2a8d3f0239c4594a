export { askHttps, type HttpsQuestion, type HttpsSettings } from "./ask-https.ts";
export { fetchMtaStsPolicy } from "./fetch-policy.ts";
export { isMxNamed, type MtaStsPolicy, mtaStsIdIn, parseMtaStsPolicy } from "./mta-sts-policy.ts";
