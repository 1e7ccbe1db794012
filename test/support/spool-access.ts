/** Accesses as the data path hands them to a spool, made from whole records. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Later, OpenAccess, RecordSink, SamePart } from '../../gateway/record-sink.ts';

const parts = new Map<string, SamePart>();

/** As the gateway does, it has one object for all that say the same but for their own. */
export function accessOf({ id, time, trace, request, ...rest }: AccessRecord): OpenAccess {
  const members = JSON.stringify(rest).slice(1, -1);
  const same = parts.get(members) ?? { members };
  parts.set(members, same);
  return { id, own: JSON.stringify({ id, time, trace, request }).slice(1, -1), same, place: -1 };
}

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
  bytesUp: 0,
  bytesDown: 0,
  durationMs: 0,
  details: { ended: 'complete' },
  ...over,
});
