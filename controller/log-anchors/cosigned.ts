/** The newest checkpoint that witnesses signed, with their lines: what a reader gets who wants to know that others have seen it. */
import { minute } from '#shared/base/clock.ts';
import type { LogState } from '../log/log-state.ts';
import type { Db } from '../store/open-store.ts';
import type { Published } from './anchor.ts';

export async function keepCosigned(
  db: Db,
  { origin, size, checkpoint, time }: Published,
  lines: string,
): Promise<void> {
  const row = { origin, size, note: `${checkpoint}${lines}`, at: time };
  await db
    .insertInto('log_cosigned')
    .values({ id: 1, ...row })
    // Of two rounds at once the newer one stays.
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet(row)
        .where((eb) => eb.or([eb('log_cosigned.size', '<=', size), eb('log_cosigned.origin', '!=', origin)])),
    )
    .execute();
}

/** Of this log. */
export async function readCosigned(
  db: Db,
  { origin }: Pick<LogState, 'origin'>,
): Promise<{ size: number; note: string; at: number } | undefined> {
  return db
    .selectFrom('log_cosigned')
    .select(['size', 'note', 'at'])
    .where('id', '=', 1)
    .where('origin', '=', origin)
    .executeTakeFirst();
}

/** Without an answer of its witnesses for so long, readers get the newest checkpoint all the same. */
const servedMs = 10 * minute;

/** What the world is served: the one that witnesses signed, while they do. */
export async function servedCheckpoint(db: Db, state: LogState, now: number): Promise<string | null> {
  const cosigned = await readCosigned(db, state);
  return cosigned !== undefined && now - cosigned.at < servedMs ? cosigned.note : state.checkpoint;
}
