/**
 * What a dead writer left: torn tails are cut off, damage is stepped over, and each opening without an end is closed as `interrupted` (P24). All
 * segments of a writer are one story: an opening may stand in one, carried in the next, and its closing there.
 */
import { appendFileSync, closeSync, fsyncSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { randomId } from '#shared/base/bytes.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { LaterRecords } from './later-record.ts';
import type { SpoolDirectory } from './spool-directory.ts';
import { denialBytes, encodeLine, type SpoolEntry } from './spool-format.ts';
import { mostRecords } from './spool-gaps.ts';
import { type SpoolPart, scanLines } from './spool-scan.ts';

interface Segment {
  readonly spool: string;
  readonly lines: readonly SpoolEntry[];
  /** Bytes up to the end of the last line. */
  readonly length: number;
  /** The last number that was given out in it; what may have stood in damaged lines at its ends is counted, so that it shows as a gap. */
  readonly last: number;
  /** What it carried from the one before may be damaged. */
  readonly lostCarries: boolean;
}

/**
 * `spools`: every segment of one writer that is there, in order. `at`: milliseconds by the controller's time as far as it is known.
 * `depth`: `whole` reads every segment, since a disk may have altered one that was left in order; `ends` believes their last lines,
 * which is enough while the gateway runs. Returns how many accesses were interrupted. May be cut short at any point and run again. Throws when the disk takes nothing.
 */
export function recoverSpools(
  directory: SpoolDirectory,
  spools: readonly string[],
  at: number,
  depth: 'whole' | 'ends' = 'whole',
): number {
  const isFine = (spool: string) =>
    depth === 'ends' ? directory.readEnd(spool).left : isLeft(readWhole(directory, spool));
  const first = spools.findIndex((spool) => !isFine(spool));
  if (first === -1) return 0;
  const read = spools.slice(first).map((spool) => readWhole(directory, spool));
  // What was open when a segment was left in order is carried in the one after it.
  const from = read.findIndex((segment) => !isLeft(segment));
  // Torn behind its last line only, which reading it has put right.
  if (from === -1) return 0;
  const segments = read.slice(from);
  const told = segments.some(({ lostCarries }) => lostCarries)
    ? spools.map((spool) => readWhole(directory, spool))
    : segments;
  const open = findOpen(told);
  // The ends are written first: were another segment marked as left before, a second run might not look for them again.
  for (const [index, segment] of segments.toReversed().entries()) {
    if (!isLeft(segment)) append(directory, segment, index === 0 ? open : [], at);
  }
  return open.length;
}

function isLeft({ lines }: Segment): boolean {
  const last = lines.at(-1);
  return last !== undefined && 'left' in last;
}

function readWhole(directory: SpoolDirectory, spool: string): Segment {
  const file = directory.file(spool);
  const bytes = readFileSync(file);
  const { parts, end } = scanLines(bytes);
  if (end < bytes.length) truncateSync(file, end);
  const lines = parts.filter((part) => !('damaged' in part)) as SpoolEntry[];
  return { spool, lines, length: end, ...measure(parts) };
}

function measure(parts: readonly SpoolPart[]): { last: number; lostCarries: boolean } {
  let last = 0;
  let damaged = 0;
  let lostCarries = false;
  for (const part of parts) {
    if ('damaged' in part) damaged += part.damaged;
    else if ('seq' in part) {
      // Without a number missing, damage before the first record can only have been of what was carried.
      if (last === 0 && damaged > 0 && part.seq === 1) lostCarries = true;
      last = Math.max(last, part.seq);
      damaged = 0;
    } else if ('left' in part && part.last >= last) {
      last = part.last;
      damaged = 0;
    }
  }
  const unseen = damaged > 0 ? mostRecords(damaged) : lostCarries ? 1 : 0;
  return { last: last + unseen, lostCarries: lostCarries || (damaged > 0 && last === 0) };
}

function append(
  directory: SpoolDirectory,
  { spool, lines, length, last }: Segment,
  open: readonly AccessRecord[],
  at: number,
): void {
  const file = directory.file(spool);
  // After a loss of power the controller may have more than this file.
  let seq = Math.max(directory.readThrough(spool), last);
  const ends = open.map((record) => encodeLine({ seq: ++seq, record: interrupt(record, at) }));
  const denials = lines.reduce((sum, line) => sum + ('record' in line ? denialBytes(line.record) : 0), 0);
  try {
    appendFileSync(file, `${ends.join('')}${encodeLine({ left: true, denials, last: seq })}`);
  } catch (error) {
    truncateSync(file, length);
    throw error;
  }
  const fd = openSync(file, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function findOpen(segments: readonly Segment[]): AccessRecord[] {
  const laters = new LaterRecords();
  const records = segments.flatMap(({ lines }) => {
    laters.beginSegment();
    return lines.flatMap((read) => {
      const line = laters.whole(read);
      if (line === undefined) return [];
      return 'carry' in line ? line.carry : 'record' in line ? line.record : [];
    });
  });
  const ended = new Set(records.filter(({ phase }) => isEnd(phase)).map(({ opening }) => opening));
  const openings = records.filter(({ phase, id }) => phase === 'opening' && !ended.has(id));
  return [...new Map(openings.map((record) => [record.id, record])).values()];
}

const isEnd = (phase: AccessRecord['phase']): boolean => phase === 'closing' || phase === 'interrupted';

function interrupt(opening: AccessRecord, at: number): AccessRecord {
  return {
    ...opening,
    id: `rec_${randomId(20)}`,
    time: at,
    phase: 'interrupted',
    opening: opening.id,
    durationMs: Math.max(0, at - opening.time),
  };
}
