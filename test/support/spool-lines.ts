/** The good lines of a segment, where its last line ends, and how many bytes before that are damaged. */
import type { SpoolEntry } from '../../gateway/records/spool-format.ts';
import { scanLines } from '../../gateway/records/spool-scan.ts';

export function spoolLines(bytes: Buffer): { lines: SpoolEntry[]; end: number; damaged: number } {
  const { parts, end } = scanLines(bytes);
  const lines = parts.flatMap((part) => ('damaged' in part ? [] : [part]));
  return { lines, end, damaged: parts.reduce((sum, part) => sum + ('damaged' in part ? part.damaged : 0), 0) };
}
