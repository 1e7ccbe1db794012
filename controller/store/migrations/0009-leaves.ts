/**
 * A record is its leaf and its disclosures (P34), with columns to search by. What was recorded before gets both here; the whole text of
 * it goes. And who was erased.
 */
import type { Kysely } from 'kysely';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { toLeaf } from '#shared/log/leaf.ts';

const columns = ['event', 'actor', 'address', 'host', 'path', 'method', 'operation'];
const pageSize = 1000;

interface OldRow {
  readonly position: number;
  readonly record: string;
  readonly spool: string | null;
  readonly seq: number | null;
}
interface OldTables {
  records: OldRow & Record<string, string | number | null>;
}

export async function up(given: Kysely<never>): Promise<void> {
  const db = given as unknown as Kysely<OldTables>;
  const records = () => db.schema.alterTable('records');
  for (const column of ['leaf', 'disclosures'])
    await records()
      .addColumn(column, 'text', (built) => built.notNull().defaultTo(''))
      .execute();
  for (const column of columns) await records().addColumn(column, 'text').execute();
  await records().addColumn('status', 'integer').execute();
  for (let after = 0; ; ) {
    const rows = await db
      .selectFrom('records')
      .select(['position', 'record', 'spool', 'seq'])
      .where('position', '>', after)
      .orderBy('position')
      .limit(pageSize)
      .execute();
    for (const row of rows) await convert(db, row as OldRow);
    if (rows.length < pageSize) break;
    after = rows.at(-1)!.position;
  }
  await db.updateTable('records').set({ digest: '' }).where('spool', 'is', null).execute();
  await records().dropColumn('record').execute();
  await createErasures(given);
}

async function createErasures(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('erasures')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('person_id', 'text')
    .addColumn('salt', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('records', 'bigint', (column) => column.notNull())
    .addColumn('snapshots', 'bigint', (column) => column.notNull())
    .addColumn('began_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .execute();
}

async function convert(db: Kysely<OldTables>, { position, record: text, spool, seq }: OldRow): Promise<void> {
  const record = withEvent(JSON.parse(text) as AccessRecord);
  const { actor, from, request, status } = record;
  const set: Record<string, string | number | null> = {
    ...toLeaf(record, spool === null || seq === null ? undefined : { spool, seq }),
    event: record.event ?? null,
    actor: actor ?? null,
    address: from ?? null,
    host: request?.host ?? null,
    path: request?.path ?? null,
    method: request?.method ?? null,
    operation: request?.operation ?? null,
    status: status ?? null,
  };
  await db.updateTable('records').set(set).where('position', '=', position).execute();
}

/** An event stood among the details. */
function withEvent({ details, ...record }: AccessRecord): AccessRecord {
  const { event, ...others } = details ?? {};
  return {
    ...record,
    ...(typeof event === 'string' ? { event } : {}),
    ...(details === undefined ? {} : { details: others }),
  };
}
