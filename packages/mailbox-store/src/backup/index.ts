export { schemaVersion as mailIndexVersion } from "../index/schema.ts";
export {
  type AccountFile,
  type AccountFiles,
  type AccountPlace,
  accountFiles,
  accountPlaces,
} from "./account-files.ts";
export { restoredPlainFile } from "./raise-marks.ts";
