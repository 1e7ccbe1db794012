/** Approving, suspending, lifting and removing devices (P5, P17). */
import { equalSecret } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { revoke } from '../revocation/revoke.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { syncDenied } from './denied.ts';
import { recordState, type StateCut, type StateOrder } from './person-state.ts';
import { endSessions } from './sessions.ts';

/**
 * `suspended` and `gone` end the device's sessions, take back its grants and deny its certificate. `active` lifts a
 * suspension: a device that had never been approved goes back to `pending` instead. Throws `not-found` or `conflict`.
 */
export async function setDeviceState(
  trx: Trx,
  at: number,
  order: StateOrder & { readonly state: 'active' | 'suspended' | 'gone' },
): Promise<StateCut> {
  const { id } = order;
  const device = await readDevice(trx, id);
  if (device.state === 'gone' && order.state !== 'gone') throw new PosternError('conflict', `${id} is gone for good`);
  if (order.state === 'active') {
    if (device.state === 'pending') {
      throw new PosternError('conflict', `${id} waits for its approval`, { tell: 'Approve it by its fingerprint.' });
    }
    const state = liftedState(device);
    await trx.updateTable('devices').set({ state }).where('id', '=', id).execute();
    await recordState(trx, at, { ...order, state }, { person: device.person_id, device: id });
    return { change: Math.max(await syncDenied(trx, at, [id]), await nextChange(trx, at)), grants: 0, sessions: 0 };
  }
  // `approved_at` outlives the suspension, so that lifting one is no way around the approval.
  await trx.updateTable('devices').set({ state: order.state, first_factors: 0 }).where('id', '=', id).execute();
  await trx.deleteFrom('sign_in_flows').where('device_id', '=', id).execute();
  await recordState(trx, at, order, { person: device.person_id, device: id });
  const { ids } = await endSessions(trx, at, {
    which: { device: id },
    because: `device-${order.state}`,
    reason: 'suspended',
    actor: order.actor,
    revokes: false,
  });
  await syncDenied(trx, at, [id]);
  const { n, grants } = await revoke(trx, at, [{ kind: 'device', ids: [id], reason: 'suspended' }]);
  return { change: n, grants, sessions: ids.length };
}

const liftedState = (device: Tables['devices']): 'pending' | 'active' =>
  device.approved_at === null ? 'pending' : 'active';

/**
 * An administrator has compared the fingerprint with the employee (P5). Throws `not-found`, `conflict` when the device
 * does not wait, and `bad-request` when the fingerprint is another one.
 */
export async function approveDevice(
  trx: Trx,
  at: number,
  order: StateOrder & { readonly fingerprint: string },
): Promise<void> {
  const device = await readDevice(trx, order.id);
  if (device.state !== 'pending')
    throw new PosternError('conflict', `device ${order.id} is ${device.state}`, {
      tell: `This device does not wait for an approval: it is ${device.state}.`,
    });
  if (!equalSecret(plain(order.fingerprint), plain(device.fingerprint))) {
    throw new PosternError('bad-request', 'the fingerprint is another one', {
      tell: 'This is not the fingerprint of that device: do not approve it.',
    });
  }
  await activateDevice(trx, at, order.id);
  await recordState(trx, at, { ...order, state: 'active' }, { person: device.person_id, device: order.id });
}

/** From `pending` only: a device that was suspended meanwhile stays so. Returns whether it is active by this. */
export async function activateDevice(trx: Trx, at: number, id: string): Promise<boolean> {
  const result = await trx
    .updateTable('devices')
    .set({ state: 'active', approved_at: at })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  if (result.numUpdatedRows === 0n) return false;
  await nextChange(trx, at);
  return true;
}

/** As two people type or read it. */
const plain = (fingerprint: string): string => fingerprint.toLowerCase().replaceAll(/[^0-9a-f]/g, '');

async function readDevice(trx: Trx, id: string): Promise<Tables['devices']> {
  const device = await trx.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  if (device === undefined) throw new PosternError('not-found', `there is no device ${id}`);
  return device;
}
