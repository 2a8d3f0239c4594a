import type { AnnotationRow } from "../index/rows.ts";
import { formatAnnotationLines, parseAnnotationLine } from "./annotation-lines.ts";

/** `posthouse-annotations`: those of the account, as posthouse-mailbox has those of a mailbox. */
export const annotationsFileName = "posthouse-annotations";
const version = "posthouse-annotations 1";

export interface AnnotationsFile {
  readonly annotations: readonly AnnotationRow[];
  /** Of a later version; kept as they are. */
  readonly otherLines: readonly string[];
}

/** Never throws; undefined when it is not such a file. */
export function parseAnnotationsFile(octets: Buffer): AnnotationsFile | undefined {
  const [first, ...lines] = octets.toString("utf8").split("\n");
  if (first !== version) return undefined;
  const annotations: AnnotationRow[] = [];
  const otherLines: string[] = [];
  for (const line of lines) {
    const annotation = parseAnnotationLine(line);
    if (annotation !== undefined) annotations.push(annotation);
    else if (line !== "") otherLines.push(line);
  }
  return { annotations, otherLines };
}

export function formatAnnotationsFile(file: AnnotationsFile): string {
  return [version, ...formatAnnotationLines(file.annotations), ...file.otherLines, ""].join("\n");
}
