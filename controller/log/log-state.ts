/** The one row that says how far the log has come: read, made, and written only by who read what stands there. */
import { PosternError } from '#shared/base/errors.ts';
import type { HeldReason } from '#shared/contracts/log-shapes.ts';
import { emptyRoot } from '#shared/log/tree-hash.ts';
import type { LogTables } from '../store/log-tables.ts';
import type { Db, Trx } from '../store/open-store.ts';

export type LogState = LogTables['log_state'];

/**
 * Why a log waits (P35): a backup was put back, its own newest checkpoint is past what the database holds, or somebody keeps one from which
 * it does not go on.
 */
export type Held = HeldReason;

export const originOf = (trustDomain: string, number: number): string => `${trustDomain}/log/${number}`;

/** 0 for the origin of another installation's form. */
export const numberOf = (origin: string): number => Number(/\/log\/([1-9]\d{0,8})$/.exec(origin)?.[1] ?? 0);

export async function findLogState(db: Db): Promise<LogState | undefined> {
  return db.selectFrom('log_state').selectAll().where('id', '=', 1).executeTakeFirst();
}

/** Throws `internal` for a store whose log was never opened. */
export async function readLogState(db: Db): Promise<LogState> {
  const state = await findLogState(db);
  if (state === undefined) throw new PosternError('internal', 'the log was never opened');
  return state;
}

/** The state as it is; a store without one gets that of an empty log. */
export async function openLogState(db: Db, trustDomain: string): Promise<LogState> {
  const row = emptyState(trustDomain, 1);
  await db
    .insertInto('log_state')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  return readLogState(db);
}

export function emptyState(trustDomain: string, number: number): LogState {
  return {
    id: 1,
    number,
    origin: originOf(trustDomain, number),
    size: 0,
    root: emptyRoot.toString('hex'),
    edge: '',
    position: 0,
    checkpoint: null,
    signed_size: 0,
    held: null,
  };
}

/**
 * Writes what follows from `was`, if that still stands: with several controllers on one store only one goes on from a state, so that
 * there are never two trees. Throws `conflict` otherwise, which undoes the transaction.
 */
export async function advanceLogState(trx: Trx, was: LogState, next: Partial<LogState>): Promise<void> {
  const done = await trx
    .updateTable('log_state')
    .set(next)
    .where('id', '=', 1)
    .where('number', '=', was.number)
    .where('size', '=', was.size)
    .where('root', '=', was.root)
    .executeTakeFirst();
  if (done.numUpdatedRows !== 1n) throw new PosternError('conflict', 'another controller went on with the log');
}
