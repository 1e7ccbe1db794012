/** People and devices that could do something at the end of a period, and of whom nothing is recorded in it. */
import type { Db } from '../store/open-store.ts';
import { deviceStates } from './people-then.ts';
import type { Maker, Row } from './report-shape.ts';
import { worldThen } from './world-then.ts';

/** What people and devices do themselves; what was done to them is none of it. */
const own = ['access', 'grant', 'sign-in', 'enrolment', 'posture'] as const;

export const dormant: Maker = async (db, { from, at, onUnreadable }) => {
  const world = await worldThen(db, at);
  for (const one of world.unreadable) onUnreadable(one);
  const people = await lastSeen(db, 'person_id', at);
  const devices = await lastSeen(db, 'device_id', at);
  const rows: Row[] = [];
  for (const { id, role, state } of world.people.values()) {
    const last = people.get(id) ?? null;
    if (state === 'active' && (last ?? 0) < from) rows.push({ what: 'person', id, of: null, role, last });
  }
  const states = await deviceStates(db, at);
  const known = await db
    .selectFrom('devices')
    .select(['id', 'person_id', 'state'])
    .where('enrolled_at', '<=', at)
    .orderBy('id')
    .execute();
  for (const { id, person_id: of, state } of known) {
    const last = devices.get(id) ?? null;
    if ((states.get(id) ?? state) === 'active' && (last ?? 0) < from)
      rows.push({ what: 'device', id, of, role: null, last });
  }
  return { columns: ['what', 'id', 'of', 'role', 'last'], rows };
};

async function lastSeen(db: Db, column: 'person_id' | 'device_id', at: number): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('records')
    .select((eb) => [eb.ref(column).as('id'), eb.fn.max<number>('time').as('last')])
    .where(column, 'is not', null)
    .where('kind', 'in', own)
    .where('time', '<=', at)
    .groupBy(column)
    .execute();
  return new Map(rows.map(({ id, last }) => [id!, last]));
}
