/** Devices, sessions and posture. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminDevices } from '#shared/contracts/admin-devices.ts';
import { reportedFactKeys } from '#shared/contracts/posture.ts';
import { postureCoverage, showDevices, showSessions } from '../admin/show-devices.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { approveDevice, setDeviceState } from '../identity/device-state.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import { nextChange, readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { requireManage } from './people-handlers.ts';
import { because, recordAdmin } from './record-admin.ts';

export function deviceHandlers({ db, clock, decider, cuts }: AdminParts): HandlersOf<typeof adminDevices> {
  const one = async (id: string, from: Db = db) => {
    const [device] = await showDevices(from, clock.now(), { id });
    if (device === undefined) throw noDevice(id);
    return device;
  };
  return {
    devices: async ({ query }) => ({ items: await showDevices(db, clock.now(), query) }),
    device: ({ params }) => one(params.id),

    approveDevice({ params: { id }, body: { fingerprint }, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        await requireManageDevice(trx, caller, id);
        await approveDevice(trx, at, { id, fingerprint, actor: caller.actor, ...because(caller) });
        return one(id, trx);
      });
    },

    setDevice({ params: { id }, body, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const before = await one(id, trx);
        await requireManageDevice(trx, caller, id);
        if (Object.keys(body).length > 0) await trx.updateTable('devices').set(body).where('id', '=', id).execute();
        await nextChange(trx, at);
        await redecideGrants(decider, trx, at, { device: id }, 'facts-changed');
        const { name, ownership } = before;
        const act = { event: 'device-changed', kind: 'device', person: before.person, device: id } as const;
        await recordAdmin(trx, at, caller, { ...act, before: { name, ownership }, after: body });
        return one(id, trx);
      });
    },

    async setDeviceState({ params: { id }, body: { state, because: why }, caller }) {
      const at = clock.now();
      const cut = await db.transaction().execute(async (trx) => {
        // Anybody's device may be taken out of service at once; giving back what was taken is for who stands above.
        if (state !== 'suspended') await requireManageDevice(trx, caller, id);
        const order = { id, state, actor: caller.actor, ...because(caller, why) };
        return { after: await readChange(trx), ...(await setDeviceState(trx, at, order)) };
      });
      return cuts.report({ n: cut.change, after: cut.after, at, grants: cut.grants, sessions: cut.sessions });
    },

    async inventory() {
      const rows = await db.selectFrom('inventory').select('serial').orderBy('serial').execute();
      return { serials: rows.map(({ serial }) => serial) };
    },

    async putInventory({ body, caller }) {
      const serials = [...new Set(body.serials)];
      await db.transaction().execute(async (trx) => {
        const before = await trx.selectFrom('inventory').select('serial').execute();
        await trx.deleteFrom('inventory').execute();
        // In steps: SQLite takes 32,766 parameters at once.
        for (let from = 0; from < serials.length; from += 10_000) {
          const rows = serials.slice(from, from + 10_000).map((serial) => ({ serial }));
          await trx.insertInto('inventory').values(rows).execute();
        }
        const counts = { before: { serials: before.length }, after: { serials: serials.length } };
        await recordAdmin(trx, clock.now(), caller, { event: 'inventory-replaced', ...counts });
      });
    },

    sessions: async () => ({ items: await showSessions(db, clock.now()) }),
    postureCoverage: async () => ({ items: await postureCoverage(db, clock.now(), reportedFactKeys) }),
    checks: async () => ({ items: [...(await readPostureSettings(db)).checks] }),
  };
}

export async function requireManageDevice(db: Db, caller: AdminCaller, id: string): Promise<void> {
  const row = await db.selectFrom('devices').select('person_id').where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw noDevice(id);
  await requireManage(db, caller, row.person_id);
}

function noDevice(id: string): PosternError {
  return new PosternError('not-found', `there is no device ${id}`, { tell: 'There is no such device.' });
}
