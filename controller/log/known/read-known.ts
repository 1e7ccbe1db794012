/** What is known to be kept elsewhere of the log. */
import { type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import type { LogKnownRow } from '../../store/log-anchor-tables.ts';
import type { Db } from '../../store/open-store.ts';
import { knownBy } from './known-checkpoints.ts';

export const readKnown = (db: Db): Promise<LogKnownRow[]> =>
  db.selectFrom('log_known').selectAll().orderBy('source').execute();

/** Gateways in service that have not told what they keep since it was asked for. */
export async function silentGateways(db: Db, rows: readonly LogKnownRow[]): Promise<string[]> {
  const gateways = await db.selectFrom('gateways').select('id').where('state', '=', 'active').orderBy('id').execute();
  const told = new Set(rows.map(({ source }) => source));
  return gateways.flatMap(({ id }) => (told.has(knownBy(id)) ? [] : [id]));
}

/** The newest of this log that is kept and verifies. */
export async function newestKnown(
  db: Db,
  origin: string,
  keys: readonly NoteKey[],
): Promise<OpenedCheckpoint | undefined> {
  const rows = await db
    .selectFrom('log_known')
    .selectAll()
    .where('origin', '=', origin)
    .where('verdict', '!=', 'foreign')
    .where('note', 'is not', null)
    .orderBy('size', 'desc')
    .limit(1)
    .execute();
  const [row] = rows;
  return row === undefined ? undefined : openCheckpoint(row.note!, { log: keys });
}
