/** Accesses as the data path hands them to a spool, made from whole records. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Later, OpenAccess, RecordSink } from '../../gateway/record-sink.ts';

export const accessOf = (opening: AccessRecord): OpenAccess => ({
  id: opening.id,
  json: JSON.stringify(opening),
  place: -1,
});

/** Opens `access` and waits until its record stands in the spool. */
export const openIn = (spool: Pick<RecordSink, 'open'>, access: OpenAccess): Promise<void> =>
  new Promise((resolve, reject) => spool.open(access, { onOpened: resolve, onUnopened: reject }));

/** The usual end of `access`, under the id of its own. */
export const closingOf = ({ id: opening }: OpenAccess, over: Partial<Later> = {}): Later => ({
  id: `${opening}-end`,
  opening,
  time: 1_700_000_000_000,
  phase: 'closing',
  status: 200,
  details: { ended: 'complete' },
  ...over,
});
