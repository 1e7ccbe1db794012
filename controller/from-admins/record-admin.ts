/** The record of an administrative act, in the transaction of the act: no record, no change. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller } from './admin-parts.ts';

export interface AdminAct {
  readonly event: string;
  readonly kind?: AccessRecord['kind'];
  readonly person?: string;
  readonly device?: string;
  readonly app?: string;
  readonly gateway?: string;
  readonly because?: string | undefined;
  /** Without secrets. */
  readonly before?: unknown;
  readonly after?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

export async function recordAdmin(db: Db, at: number, caller: AdminCaller, act: AdminAct): Promise<void> {
  const { event, kind = 'admin', person, device, app, gateway, before, after, details } = act;
  const because = act.because ?? caller.because;
  await appendRecord(db, at, {
    kind,
    trace: caller.trace,
    actor: caller.actor,
    verdict: 'allow',
    reasons: [caller.standing === 'shell' ? 'owner-shell' : 'role-allows'],
    ...(because === undefined ? {} : { because }),
    ...(person === undefined ? {} : { person }),
    ...(device === undefined ? {} : { device }),
    ...(app === undefined ? {} : { app }),
    ...(gateway === undefined ? {} : { gateway }),
    details: {
      event,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...details,
    },
  });
}

/** For orders of the identity functions, which write their own records. */
export function because(caller: AdminCaller, given?: string): { because?: string } {
  const reason = given ?? caller.because;
  return reason === undefined ? {} : { because: reason };
}
