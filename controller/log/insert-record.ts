/** Writes a row of the log. Its statement is always the same, so it is built once: building it costs more than hashing the record. */
import { CompiledQuery } from 'kysely';
import type { Db } from '../store/open-store.ts';
import type { recordRow } from './record-row.ts';

type Row = ReturnType<typeof recordRow>;

interface Statement {
  readonly sql: string;
  readonly names: readonly (keyof Row)[];
}

/** By kind of database. */
const statements = new WeakMap<object, Statement>();

export async function insertRecord(db: Db, row: Row): Promise<void> {
  const { sql, names } = statementFor(db, row);
  await db.executeQuery(
    CompiledQuery.raw(
      sql,
      names.map((name) => row[name]),
    ),
  );
}

function statementFor(db: Db, row: Row): Statement {
  const kind = db.getExecutor().adapter.constructor;
  let statement = statements.get(kind);
  if (statement === undefined) {
    // In the order of the members; the values are put in again for each row.
    const { sql, parameters } = db.insertInto('records').values(row).compile();
    const names = Object.keys(row) as (keyof Row)[];
    if (parameters.length !== names.length) throw new TypeError('a column of a record is no value');
    statement = { sql, names };
    statements.set(kind, statement);
  }
  return statement;
}
