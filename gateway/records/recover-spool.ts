/** After a crash: cuts a torn tail off and closes each opening without a closing as `interrupted` (P24). */
import { appendFileSync, closeSync, fsyncSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { randomId } from '#shared/base/bytes.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { SpoolDirectory } from './spool-directory.ts';
import { decodeLines, encodeLine, type SpoolLine } from './spool-format.ts';

/** `at`: milliseconds by the controller's time as far as it is known. Returns how many accesses were interrupted. */
export function recoverSpool(directory: SpoolDirectory, spool: string, at: number): number {
  const file = directory.file(spool);
  const bytes = readFileSync(file);
  const { lines, goodBytes } = decodeLines(bytes);
  if (goodBytes < bytes.length) truncateSync(file, goodBytes);
  if (lines.some((line) => 'left' in line)) return 0;
  const open = findOpen(lines);
  let seq = Math.max(0, ...lines.map((line) => ('seq' in line ? line.seq : 0)));
  const closing = open.map((record) => encodeLine({ seq: ++seq, record: interrupt(record, at) }));
  appendFileSync(file, `${closing.join('')}${encodeLine({ left: true })}`);
  const fd = openSync(file, 'r');
  fsyncSync(fd);
  closeSync(fd);
  return open.length;
}

function findOpen(lines: readonly SpoolLine[]): AccessRecord[] {
  const open = new Map<string, AccessRecord>();
  for (const line of lines) {
    const record = 'carry' in line ? line.carry : 'record' in line ? line.record : undefined;
    if (record?.phase === 'opening') open.set(record.id, record);
    else if (record?.phase === 'closing' && record.opening !== undefined) open.delete(record.opening);
  }
  return [...open.values()];
}

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
