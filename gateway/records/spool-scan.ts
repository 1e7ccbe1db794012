/**
 * Reads a segment as it is found: the entries of its good lines in order, and between them what a bad disk or another hand has damaged. A line that cannot be
 * read hides none behind it.
 */
import { decodeLine, type SpoolEntry } from './spool-format.ts';

/** Bytes that hold no good line. `offset`: from the start of what was read. */
export interface Damage {
  readonly damaged: number;
  readonly offset: number;
}

export type SpoolPart = SpoolEntry | Damage;

/** The most bytes that are searched for the end of a line; those of a writer are far shorter. */
export const longestLine = 1024 * 1024;
const newline = 10;
/** `<checksum> {"` or `<checksum> [{"`, where each line begins. Inside the JSON of a line it cannot stand: there every quote of a text is escaped. */
const lineStart = /[0-9a-f]{8} (?:\[?\{"seq|\{"carry|\{"left)":/g;

/** `end`: where the last line ends; what follows is torn, or still being written. */
export function scanLines(bytes: Buffer): { parts: SpoolPart[]; end: number } {
  const parts: SpoolPart[] = [];
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(newline, start);
    if (end === -1) break;
    parts.push(...(decodeLine(bytes.toString('utf8', start, end)) ?? searchLine(bytes, start, end)));
    start = end + 1;
  }
  if (bytes.length - start >= longestLine) {
    parts.push({ damaged: bytes.length - start, offset: start });
    start = bytes.length;
  }
  return { parts, end: start };
}

/** In whole lines of a writer. */
export const countEntries = (bytes: Buffer): number => scanLines(bytes).parts.length;

/** Damage may have run into a line that is whole (zeroes of a lost block have no end of line): that is looked for. */
function searchLine(bytes: Buffer, start: number, end: number): SpoolPart[] {
  // One character is one byte here, so that places in the text are places in the file.
  const text = bytes.toString('latin1', start, end);
  for (const { index } of text.matchAll(lineStart)) {
    const entries = index === 0 ? undefined : decodeLine(bytes.toString('utf8', start + index, end));
    if (entries !== undefined) return [{ damaged: index, offset: start }, ...entries];
  }
  return [{ damaged: end + 1 - start, offset: start }];
}
