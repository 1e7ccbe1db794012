/** That the index of search was not what the log says is an alarm, on record: until then searches did not find all. */
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Db } from '../../store/open-store.ts';
import { appendRecord } from '../append-record.ts';
import type { Mended } from './search-tasks.ts';

const most = 10;

/** Never throws: whoever searches has their answer. */
export async function tellMended(
  { db, clock, log }: { readonly db: Db; readonly clock: Clock; readonly log: Log },
  { block, faults, more }: Mended,
): Promise<void> {
  const details = {
    what: block === undefined ? 'index' : 'block',
    ...(block === undefined ? {} : { first: block }),
    faults: faults.slice(0, most),
    more: more + Math.max(0, faults.length - most),
  };
  log.error(details, 'the index of search did not say what the log says: it is made anew there');
  try {
    await appendRecord(db, clock.now(), { kind: 'log', event: 'index-mended', details });
  } catch (error) {
    log.error({ err: error }, 'that the index of search was made anew could not be recorded');
  }
}
