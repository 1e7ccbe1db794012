/** Reports that the records of a period alone make: who used what, what was denied, how posture changed. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { eachRecord } from './each-record.ts';
import type { Maker, Row } from './report-shape.ts';

interface Sum {
  count: number;
  first: number;
  last: number;
}

/** Of equal keys one row, the most frequent first. */
class Sums {
  readonly #rows = new Map<string, { key: Row; sum: Sum }>();

  add(key: Row, { time, count = 1 }: AccessRecord): void {
    const name = JSON.stringify(key);
    const known = this.#rows.get(name);
    if (known === undefined) {
      this.#rows.set(name, { key, sum: { count, first: time, last: time } });
      return;
    }
    const { sum } = known;
    sum.count += count;
    sum.first = Math.min(sum.first, time);
    sum.last = Math.max(sum.last, time);
  }

  rows(): Row[] {
    return [...this.#rows.values()]
      .sort((a, b) => b.sum.count - a.sum.count)
      .map(({ key, sum }) => ({ ...key, ...sum }));
  }
}

export const erased = '(erased)';

/** Of somebody who was erased nothing but that there was somebody. */
export const personOf = ({ person, erased: gone = [] }: AccessRecord): string | null =>
  person ?? (gone.includes('person') ? erased : null);

const isStart = ({ phase }: AccessRecord) => phase === 'opening' || phase === 'single';

export const used: Maker = async (db, { from, at, onUnreadable }, onProgress) => {
  const sums = new Sums();
  const period = { from, to: at, kinds: ['access'], verdict: 'allow', onUnreadable } as const;
  for await (const record of eachRecord(db, period, onProgress))
    if (isStart(record)) sums.add({ person: personOf(record), app: record.app ?? null }, record);
  return { columns: ['person', 'app', 'count', 'first', 'last'], rows: sums.rows() };
};

export const denied: Maker = async (db, { from, at, onUnreadable }, onProgress) => {
  const sums = new Sums();
  for await (const record of eachRecord(db, { from, to: at, verdict: 'deny', onUnreadable }, onProgress)) {
    if (!isStart(record)) continue;
    const { kind, app, reasons, actor } = record;
    const who = personOf(record) ?? (kind === 'admin' ? (actor ?? null) : null);
    sums.add({ person: who, app: app ?? null, kind, reason: reasons[0] ?? null }, record);
  }
  return { columns: ['person', 'app', 'kind', 'reason', 'count', 'first', 'last'], rows: sums.rows() };
};

export const posture: Maker = async (db, { from, at, onUnreadable }, onProgress) => {
  const rows: Row[] = [];
  for await (const record of eachRecord(db, { from, to: at, kinds: ['posture'], onUnreadable }, onProgress)) {
    const head = { time: record.time, person: personOf(record), device: record.device ?? null };
    const changed = (record.details?.['changed'] ?? []) as { fact: string; from?: unknown; to?: unknown }[];
    if (record.erased?.includes('details')) rows.push({ ...head, fact: erased, was: null, is: null });
    for (const { fact, from: was, to: is } of changed) rows.push({ ...head, fact, was: show(was), is: show(is) });
  }
  const note = 'A report of a device that changed nothing for policies has no record.';
  return { columns: ['time', 'person', 'device', 'fact', 'was', 'is'], rows: byTime(rows), notes: [note] };
};

export const show = (value: unknown): string | null =>
  value === undefined || value === null ? null : typeof value === 'string' ? value : JSON.stringify(value);

export const byTime = (rows: readonly Row[]): Row[] => rows.toSorted((a, b) => Number(a['time']) - Number(b['time']));
