/** All that happened under one trace, in its order, with what it rests on: the sign-in of its session and the grant. */
import { PosternError } from '#shared/base/errors.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { readColumns, readRow } from './read-row.ts';
import type { SearchDesk } from './search/search-desk.ts';

export interface Story {
  readonly trace: string;
  readonly records: { readonly record: AccessRecord; readonly own: boolean }[];
  readonly more: boolean;
}

const mostRecords = 500;
const mostTraces = 10;
const mostSessions = 5;
const traceStart = /^[0-9a-f]{8,32}$/i;

/** `of`: a record's id, or the beginning of a trace. What cannot be read has something in its place. Throws `not-found`, and `bad-request` for a beginning of several traces. */
export async function tellStory(db: Db, searches: Pick<SearchDesk, 'ask'>, of: string): Promise<Story> {
  const trace = traceStart.test(of) ? await findTrace(db, of.toLowerCase()) : await traceOfId(db, of);
  const rows = await db
    .selectFrom('records')
    .select([...readColumns])
    .where('trace', '=', trace)
    .orderBy('position')
    .limit(mostRecords + 1)
    .execute();
  const records = rows
    .slice(0, mostRecords)
    .map((row) => ({ position: row.position, record: readRow(row).record, own: true }));
  const known = new Set(records.map(({ position }) => position));
  const before = [...(await grantsOf(db, records)), ...(await signInsOf(searches, records))];
  for (const { position, record } of before) {
    if (known.has(position)) continue;
    known.add(position);
    records.push({ position, record, own: false });
  }
  // By time: a gateway delivers later than the controller writes. What is of one moment stays in the order of writing.
  records.sort((a, b) => a.record.time - b.record.time || a.position - b.position);
  return { trace, records: records.map(({ record, own }) => ({ record, own })), more: rows.length > mostRecords };
}

interface Placed {
  readonly position: number;
  readonly record: AccessRecord;
}

async function findTrace(db: Db, start: string): Promise<string> {
  const rows = await db
    .selectFrom('records')
    .select('trace')
    .distinct()
    .where('trace', '>=', start)
    .where('trace', '<', `${start}g`)
    .orderBy('trace')
    .limit(mostTraces + 1)
    .execute();
  if (rows.length === 1) return rows[0]!.trace;
  if (rows.length === 0) {
    const tell = `No record has a trace that begins with ${start}. Records of gateways come within seconds; old ones may have been pruned.`;
    throw new PosternError('not-found', `no trace ${start}`, { tell });
  }
  const shown = rows.slice(0, mostTraces).map(({ trace }) => trace);
  const many = rows.length > mostTraces ? `more than ${mostTraces}` : String(rows.length);
  const tell = `${many} traces begin with ${start}; give more digits: ${shown.join(', ')}`;
  throw new PosternError('bad-request', tell, { tell });
}

async function traceOfId(db: Db, id: string): Promise<string> {
  const row = await db.selectFrom('records').select('trace').where('id', '=', id).executeTakeFirst();
  if (row !== undefined) return row.trace;
  const tell = 'There is no such record. Give its id (rec_...), or the first 8 to 32 digits of a trace.';
  throw new PosternError('not-found', `no record ${id}`, { tell });
}

async function grantsOf(db: Db, records: readonly Placed[]): Promise<Placed[]> {
  const grants = [...new Set(records.flatMap(({ record }) => record.grant ?? []))].slice(0, 100);
  if (grants.length === 0) return [];
  const rows = await db
    .selectFrom('records')
    .select([...readColumns])
    .where('grant_id', 'in', grants)
    .execute();
  return rows.map((row) => ({ position: row.position, record: readRow(row).record }));
}

async function signInsOf(searches: Pick<SearchDesk, 'ask'>, records: readonly Placed[]): Promise<Placed[]> {
  const sessions = [...new Set(records.flatMap(({ record }) => record.session ?? []))].slice(0, mostSessions);
  const found = sessions.map(async (session) => {
    const order = { query: { session, kind: 'sign-in' }, oldest: true, limit: 20, count: false };
    return (await searches.ask('search', order)).records;
  });
  return (await Promise.all(found)).flat();
}
