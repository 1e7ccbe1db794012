/** The records of cuts that were not kept, once the disk takes them (P24). */
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';
import type { UnkeptCuts } from './unkept-cuts.ts';

/** Tried again at its next turn by who calls it. */
export function recordUnkept(db: Db, at: number, unkept: UnkeptCuts): Promise<void> {
  return unkept.tell(({ at: cutAt, revocation, actor, because, confirmed }) =>
    appendRecord(db, at, {
      kind: 'revocation',
      event: 'cut-unkept',
      actor,
      ...(because === undefined ? {} : { because }),
      details: { what: revocation.kind, id: revocation.id, at: cutAt, gateways: [...confirmed.keys()] },
    }),
  );
}
