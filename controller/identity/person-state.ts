/** Suspending, lifting and removing people (P17). */
import { PosternError } from '#shared/base/errors.ts';
import type { PersonState } from '#shared/contracts/admin-objects.ts';
import type { DeviceState } from '#shared/contracts/agent-to-controller.ts';
import { appendRecord } from '../log/append-record.ts';
import { revoke } from '../revocation/revoke.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import { syncDenied } from './denied.ts';
import { voidInvitations } from './invitations.ts';
import { endSessions } from './sessions.ts';

export interface StateOrder {
  readonly id: string;
  /** Who acts, for the record. */
  readonly actor: string;
  readonly because?: string;
}

/** What a change of state took back. `change` is the number that gateways confirm. */
export interface StateCut {
  readonly change: number;
  readonly grants: number;
  readonly sessions: number;
}

/**
 * `suspended` and `gone` end every session, take back every grant, void invitations and codes, drop flows and deny the
 * person's devices; `active` lifts a suspension and brings nothing of that back. Who is gone stays gone: ids are never used
 * again. Throws `not-found` or `conflict`.
 */
export async function setPersonState(
  trx: Trx,
  at: number,
  order: StateOrder & { readonly state: PersonState },
): Promise<StateCut> {
  const { id, state } = order;
  const person = await trx.selectFrom('people').select(['state', 'role']).where('id', '=', id).executeTakeFirst();
  if (person === undefined) throw new PosternError('not-found', `there is no person ${id}`);
  if (person.state === 'gone' && state !== 'gone') throw new PosternError('conflict', `${id} is gone for good`);
  if (state !== 'active' && person.role === 'owner') await keepAnOwner(trx, id);
  await trx.updateTable('people').set({ state }).where('id', '=', id).execute();
  const devices = await trx.selectFrom('devices').select('id').where('person_id', '=', id).execute();
  // Reports of a day before this one need to know which they left.
  const groups = state === 'gone' ? await groupsOf(trx, id) : undefined;
  await recordState(trx, at, order, { person: id }, groups && { groups });
  if (state === 'active') {
    const denied = await syncDenied(
      trx,
      at,
      devices.map((row) => row.id),
    );
    return { change: Math.max(denied, await nextChange(trx, at)), grants: 0, sessions: 0 };
  }
  await voidInvitations(trx, { subject: id, kinds: ['device', 'factor-reset'] });
  await trx.deleteFrom('sign_in_flows').where('person_id', '=', id).execute();
  await trx.deleteFrom('admin_sessions').where('person_id', '=', id).execute();
  if (state === 'gone') {
    await trx.updateTable('devices').set({ state: 'gone' }).where('person_id', '=', id).execute();
    await trx.deleteFrom('factors').where('person_id', '=', id).execute();
    await trx.deleteFrom('recovery_codes').where('person_id', '=', id).execute();
    await trx.deleteFrom('group_members').where('person_id', '=', id).execute();
  }
  const { ids } = await endSessions(trx, at, {
    which: { person: id },
    because: `person-${state}`,
    reason: 'suspended',
    actor: order.actor,
    revokes: false,
  });
  await syncDenied(
    trx,
    at,
    devices.map((row) => row.id),
  );
  const { n, grants } = await revoke(trx, at, [{ kind: 'person', ids: [id], reason: 'suspended' }]);
  return { change: n, grants, sessions: ids.length };
}

/** Nobody, not even an owner, takes the last active owner away: the way back in would lead nowhere (P6). */
export async function keepAnOwner(trx: Trx, id: string): Promise<void> {
  const other = await trx
    .selectFrom('people')
    .select('id')
    .where('role', '=', 'owner')
    .where('state', '=', 'active')
    .where('id', '!=', id)
    .executeTakeFirst();
  if (other !== undefined) return;
  throw new PosternError('conflict', `${id} is the last active owner`, { tell: 'This is the last active owner.' });
}

async function groupsOf(trx: Trx, id: string): Promise<string[]> {
  const query = trx.selectFrom('group_members').select('group_id').where('person_id', '=', id).orderBy('group_id');
  return (await query.execute()).map((row) => row.group_id);
}

/** Shared with devices. */
export async function recordState(
  trx: Trx,
  at: number,
  { state, ...order }: StateOrder & { readonly state: PersonState | DeviceState },
  who: { readonly person: string; readonly device?: string },
  details?: Readonly<Record<string, unknown>>,
): Promise<void> {
  const what =
    who.device === undefined
      ? ({ kind: 'admin', event: `set-${state as PersonState}` } as const)
      : ({ kind: 'device', event: `set-${state}` } as const);
  await appendRecord(trx, at, {
    ...what,
    ...who,
    actor: order.actor,
    ...(order.because === undefined ? {} : { because: order.because }),
    ...(details === undefined ? {} : { details }),
  });
}
