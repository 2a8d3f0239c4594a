export { clamdFilter } from "./clamd.ts";
export { parseEndpoint } from "./endpoint.ts";
export type { AddedField, Filter, FilteredMail, FilterVerdict } from "./filter.ts";
export { milterFilter } from "./milter/milter.ts";
export { rspamdFilter } from "./rspamd.ts";
export { type FilterResult, type FilterStage, runFilters } from "./run-filters.ts";
