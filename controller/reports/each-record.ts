/** Records of a time, in the order of writing, a page at a time: no statement is open between two pages. */
import type { AccessRecord, RecordKind } from '#shared/contracts/record.ts';
import type { OnProgress } from '../analysis/replay.ts';
import { readColumns, readRow } from '../log/read-row.ts';
import type { Db } from '../store/open-store.ts';

export interface RecordsOfTime {
  /** Milliseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly kinds?: readonly RecordKind[] | undefined;
  readonly verdict?: 'allow' | 'deny' | undefined;
  /** Called, in its place among the others, for each that somebody made unreadable: what it would tell is missing, and that must be told. */
  readonly onUnreadable: (one: UnreadableRecord) => void;
}

export interface UnreadableRecord {
  readonly record: string;
  readonly time: number;
}

const pageSize = 1000;

export async function* eachRecord(
  db: Db,
  { from, to, kinds, verdict, onUnreadable }: RecordsOfTime,
  onProgress: OnProgress = () => {},
): AsyncGenerator<AccessRecord> {
  // Late deliveries stand behind what is younger, so that time orders nothing here.
  const ends = await db
    .selectFrom('records')
    .select((eb) => [eb.fn.min<number | null>('position').as('first'), eb.fn.max<number | null>('position').as('last')])
    .where('time', '>=', from)
    .executeTakeFirst();
  if (ends?.first == null || ends.last == null) return;
  for (let after = ends.first - 1; after < ends.last; ) {
    let query = db
      .selectFrom('records')
      .select([...readColumns])
      .where('position', '>', after)
      .where('position', '<=', ends.last)
      .orderBy('position')
      .limit(pageSize);
    if (kinds !== undefined) query = query.where('kind', 'in', [...kinds]);
    if (verdict !== undefined) query = query.where('verdict', '=', verdict);
    const rows = await query.execute();
    after = rows.length < pageSize ? ends.last : rows.at(-1)!.position;
    for (const row of rows) {
      if (row.time < from || row.time > to) continue;
      const { record, unreadable } = readRow(row);
      if (unreadable === undefined) yield record;
      else onUnreadable({ record: unreadable.record, time: row.time });
    }
    await onProgress(after - ends.first + 1, ends.last - ends.first + 1);
  }
}
