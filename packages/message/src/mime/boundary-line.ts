import type { OpenPart } from "./open-part.ts";

const HYPHEN = 0x2d;

/** The delimiter that a line is. */
export interface BoundaryLine {
  /** Index of its multipart among the open parts. */
  readonly index: number;
  readonly isClosing: boolean;
}

/**
 * Which open multipart's delimiter this line is, if any. `line` begins with "--" and may lack its end.
 *
 * RFC 2046 §5.1.2: the line needs only to begin with the boundary, so that one boundary may be the
 * beginning of another. The longest that fits is meant; of equal ones the innermost that is not
 * closed yet. A line of a closed multipart is a part of its epilogue.
 */
export function boundaryLine(
  line: Uint8Array,
  open: readonly OpenPart[],
): BoundaryLine | undefined {
  let found: OpenPart | undefined;
  let foundIndex = -1;
  for (let index = open.length - 1; index >= 0; index -= 1) {
    const part = open[index];
    if (part?.boundary === undefined || !hasBoundary(line, part.boundary)) continue;
    const gain = part.boundary.length - (found?.boundary?.length ?? 0);
    if (gain > 0 || (gain === 0 && found?.isClosed === true)) {
      found = part;
      foundIndex = index;
    }
  }
  if (found?.boundary === undefined || found.isClosed) return undefined;
  const after = found.boundary.length + 2;
  return { index: foundIndex, isClosing: line[after] === HYPHEN && line[after + 1] === HYPHEN };
}

function hasBoundary(line: Uint8Array, boundary: Uint8Array): boolean {
  if (line.length < boundary.length + 2) return false;
  for (let at = 0; at < boundary.length; at += 1) if (line[at + 2] !== boundary[at]) return false;
  return true;
}
