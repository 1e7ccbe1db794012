/** Reads the verdicts of the log in their order, page by page: no statement is open between two pages, so that nobody waits. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { readColumns, readRow } from '../log/read-row.ts';
import type { Db } from '../store/open-store.ts';

export interface RecordsWanted {
  /** Milliseconds, inclusive. */
  readonly from: number;
  readonly to: number;
  readonly app?: string | undefined;
  readonly person?: string | undefined;
}

export interface RecordPage {
  readonly records: readonly AccessRecord[];
  /** So many more that somebody made unreadable. */
  readonly unreadable: number;
  /** Positions of the log that are behind, and in all. */
  readonly done: number;
  readonly total: number;
}

const pageSize = 1000;

/** What is appended after the first page is not in it: the whole is of one moment. */
export async function* readRecords(db: Db, wanted: RecordsWanted): AsyncGenerator<RecordPage> {
  const { first, last } = await findEnds(db, wanted.from);
  let after = first - 1;
  while (after < last) {
    const rows = await readPage(db, wanted, after, last);
    after = rows.length < pageSize ? last : rows.at(-1)!.position;
    const read = rows.filter(({ time }) => time >= wanted.from && time <= wanted.to).map(readRow);
    const records = read.flatMap(({ record, unreadable }) => (unreadable === undefined ? record : []));
    yield { records, unreadable: read.length - records.length, done: after - first + 1, total: last - first + 1 };
  }
}

/** Late deliveries stand behind what is younger: the first position of the time, and the last of all. */
async function findEnds(db: Db, from: number): Promise<{ first: number; last: number }> {
  const first = await db
    .selectFrom('records')
    .select((eb) => eb.fn.min<number | null>('position').as('position'))
    .where('time', '>=', from)
    .executeTakeFirst();
  const last = await db
    .selectFrom('records')
    .select((eb) => eb.fn.max<number | null>('position').as('position'))
    .executeTakeFirst();
  return first?.position == null || last?.position == null
    ? { first: 1, last: 0 }
    : { first: first.position, last: last.position };
}

/** The time is compared by the reader: the database would look it up in an index and sort every page. */
function readPage(db: Db, { app, person }: RecordsWanted, after: number, last: number) {
  let query = db
    .selectFrom('records')
    .select([...readColumns])
    .where('position', '>', after)
    .where('position', '<=', last)
    .where('kind', 'in', ['grant', 'access'])
    .where('phase', 'in', ['single', 'opening'])
    .orderBy('position')
    .limit(pageSize);
  if (app !== undefined) query = query.where('app_id', '=', app);
  if (person !== undefined) query = query.where('person_id', '=', person);
  return query.execute();
}
