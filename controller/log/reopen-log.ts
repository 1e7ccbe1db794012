/**
 * A log that waits (P35) goes on once every checkpoint that anybody is known to keep is shown to be of its past, or another log begins out of
 * the records that there are: declared under the key of the former one, and named in its own first record.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { signNote } from '#shared/log/note-signer.ts';
import { openedText } from '#shared/log/opened-log.ts';
import { addLogKey, openLogSigners, readLogKeys } from '../authority/log-keys.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { contradicts, judgeKnown } from './known/judge-known.ts';
import { newestKnown, readKnown, silentGateways } from './known/read-known.ts';
import { advanceLogState, emptyState, type LogState, numberOf, originOf, readLogState } from './log-state.ts';

/** `also` is what is recorded, in the same transaction. */
export type Also = (trx: Trx, former: LogState, known: OpenedCheckpoint | undefined) => Promise<void>;

/**
 * `checkpoint`: what the owner has; without one every gateway must have told what it keeps, and somebody keeps something.
 * `witnesses`: how many have found just now that it goes on from what they signed.
 * Throws `conflict` when nothing holds the log, `proof-refused` for a checkpoint of another
 * log, `log-held` for one that it does not go on from, whoever keeps it, or while somebody has not told yet.
 */
export async function resumeLog(
  db: Db,
  { checkpoint, witnesses = 0 }: { readonly checkpoint?: string | undefined; readonly witnesses?: number },
  also: Also,
): Promise<void> {
  const state = await readLogState(db);
  if (state.held === null) throw notHeld();
  const keys = (await readLogKeys(db)).map(({ key }) => key);
  const given = checkpoint === undefined ? undefined : openCheckpoint(checkpoint, { log: keys });
  if (given !== undefined && given.origin !== state.origin) {
    throw new PosternError('proof-refused', undefined, {
      tell: `That checkpoint is of ${given.origin}, and this log is ${state.origin}.`,
    });
  }
  const rows = await readKnown(db);
  const kept = [
    ...(checkpoint === undefined ? [] : [{ source: 'that checkpoint', note: checkpoint }]),
    ...rows.flatMap(({ source, note }) => (note === null ? [] : [{ source, note }])),
  ];
  let proven = witnesses;
  for (const { source, note } of kept) {
    // Out of the database alone: tiles on the disk may be of a time that it has lost.
    const { verdict, origin, size } = await judgeKnown({ db, state, keys }, note);
    if (contradicts(verdict)) {
      throw held(
        `The log has ${state.size} leaves and does not go on from a checkpoint of ${size} (${source}): some of it is lost. Open another: posternctl log new.`,
      );
    }
    if (verdict === 'foreign')
      throw held(`A checkpoint of ${origin} is kept (${source}) that this database does not know: posternctl log new.`);
    if (verdict === 'past') proven += 1;
  }
  if (given === undefined) {
    const silent = await silentGateways(db, rows);
    if (silent.length > 0)
      throw held(
        `These gateways have not told which checkpoint they keep: ${silent.join(', ')}. Wait for them, or give the newest checkpoint that anybody has.`,
      );
    if (proven === 0) throw held('Nobody is known to keep a checkpoint: give the newest that anybody has.');
  }
  await db.transaction().execute(async (trx) => {
    await advanceLogState(trx, state, { held: null });
    await also(trx, state, given ?? (await newestKnown(trx, state.origin, keys)));
  });
}

const held = (tell: string): PosternError => new PosternError('log-held', undefined, { tell });

export interface NewLogOrder {
  readonly trustDomain: string;
  readonly sealer: Sealer;
  readonly at: number;
  /** The state directory. */
  readonly dir: string;
  /** The newest that is known of the former log; what gateways keep unless told. */
  readonly checkpoint?: string | undefined;
}

/**
 * Throws `conflict` when nothing holds the log: whoever could begin another at will could have it forget what stood in this one. Throws `proof-refused` for a
 * checkpoint that no log of this installation signed.
 */
export async function openNewLog(db: Db, order: NewLogOrder, also: Also): Promise<void> {
  const { trustDomain, sealer, at, dir, checkpoint } = order;
  const keys = (await readLogKeys(db)).map(({ key }) => key);
  const given = checkpoint === undefined ? undefined : openCheckpoint(checkpoint, { log: keys });
  await db.transaction().execute(async (trx) => {
    const former = await readLogState(trx);
    if (former.held === null) throw notHeld();
    const known = given ?? (await newestKnown(trx, former.origin, keys));
    const number = await nextNumber(trx, former, dir);
    const { id: _, ...fresh } = emptyState(trustDomain, number);
    await advanceLogState(trx, former, fresh);
    await trx.deleteFrom('log_leaves').execute();
    await trx.deleteFrom('log_known').execute();
    const before = await openLogSigners(trx, { sealer, at, origin: former.origin });
    await trx.updateTable('log_keys').set({ state: 'former' }).where('origin', '=', former.origin).execute();
    const own = await addLogKey(trx, { sealer, at, origin: originOf(trustDomain, number) });
    const left = { origin: former.origin, size: former.size, root: Buffer.from(former.root, 'hex') };
    const text = openedText({ key: own.key, former: left, ...(known === undefined ? {} : { known }) });
    await trx
      .insertInto('log_opened')
      .values({ number, note: signNote(text, [...before, own]) })
      .execute();
    await also(trx, former, known);
  });
}

/** No number that was ever given: also none of a log that a restored database has forgotten, and somebody has not. */
async function nextNumber(trx: Trx, former: LogState, dir: string): Promise<number> {
  const known = (await readKnown(trx)).map(({ origin }) => numberOf(origin));
  return Math.max(former.number, ...known, ...foldersIn(dir)) + 1;
}

function foldersIn(dir: string): number[] {
  try {
    return readdirSync(join(dir, 'log')).flatMap((name) => (/^[1-9]\d{0,8}$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

const notHeld = () => new PosternError('conflict', undefined, { tell: 'The log is not held: it signs, and goes on.' });
