/** Records for a spool, and a controller that takes them. */
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';

let made = 0;
export function spoolRecord(over: Partial<AccessRecord> = {}): AccessRecord {
  const id = `rec_${String(++made).padStart(10, '0')}`;
  return {
    id,
    time: made,
    kind: 'access',
    phase: 'single',
    trace: 'a'.repeat(32),
    verdict: 'allow',
    reasons: ['grant-valid'],
    ...over,
  };
}

/** A controller that keeps what it is sent, once. */
export function recordKeeper() {
  const kept = new Map<string, SpooledRecord[]>();
  const send = async (spool: string, records: SpooledRecord[]) => {
    const have = kept.get(spool) ?? [];
    kept.set(spool, have);
    for (const line of records) if (line.seq === have.length + 1) have.push(line);
    return { through: have.length };
  };
  return { kept, send, all: () => [...kept.values()].flat().map((line) => line.record) };
}
