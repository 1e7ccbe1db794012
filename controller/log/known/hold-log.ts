/** The log begins to wait (P35): nothing gets its place and nothing is signed until it is shown to go on from all that is known of it. */
import type { Trx } from '../../store/open-store.ts';
import type { Held } from '../log-state.ts';

/** What others told before counts no more: they are asked again. False when it waits already. */
export async function holdLog(trx: Trx, held: Held): Promise<boolean> {
  const done = await trx
    .updateTable('log_state')
    .set({ held })
    .where('id', '=', 1)
    .where('held', 'is', null)
    .executeTakeFirst();
  if (done.numUpdatedRows !== 1n) return false;
  await trx.deleteFrom('log_known').execute();
  return true;
}
