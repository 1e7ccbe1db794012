/** Reads the log backwards for what a person or a device touched since a given time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PosternError } from '#shared/base/errors.ts';
import type { Touched } from '#shared/contracts/admin-touched.ts';
import type { DeviceState } from '#shared/contracts/agent-to-controller.ts';
import type { Db } from '../store/open-store.ts';
import { readColumns, readRow } from './read-row.ts';
import { TouchedSum } from './sum-touched.ts';

export interface TouchedAsk {
  readonly kind: 'person' | 'device';
  readonly id: string;
  /** Milliseconds, inclusive. */
  readonly from: number;
  readonly to: number;
}

const page = 1000;
const mostRecords = 500_000;
/** Of a device's person, also what happened elsewhere: a thief's next step is another factor, or another device. */
const ofPerson = ['sign-in', 'factor', 'enrolment', 'device', 'admin', 'revocation', 'policy'];

/** Throws `not-found`. */
export async function reportTouched(db: Db, { kind, id, from, to }: TouchedAsk): Promise<Touched> {
  const person = kind === 'person' ? id : await personOf(db, id);
  const known = await db.selectFrom('people').select('id').where('id', '=', person).executeTakeFirst();
  if (known === undefined) throw new PosternError('not-found', `no person ${id}`, { tell: 'There is no such person.' });
  const devices = await db
    .selectFrom('devices')
    .select(['id', 'name', 'state', 'enrolled_at'])
    .where('person_id', '=', person)
    .orderBy('enrolled_at')
    .execute();
  const sum = new TouchedSum({ device: kind === 'device' ? id : undefined });
  const wanted = { person, devices: kind === 'device' ? [id] : devices.map((row) => row.id), whole: kind === 'person' };
  let before = Number.MAX_SAFE_INTEGER;
  let read = 0;
  let unreadable = 0;
  let cutOff: number | undefined;
  for (;;) {
    const rows = await readPage(db, wanted, { from, to, before });
    for (const row of rows) {
      const one = readRow(row);
      if (one.unreadable === undefined) sum.add(one.record);
      else unreadable += 1;
    }
    read += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) break;
    before = last.position;
    if (read >= mostRecords) {
      cutOff = last.time;
      break;
    }
    // The store answers at once: others must have their turn.
    await nextTurn();
  }
  const { devices: seen, ...sums } = sum.sums();
  return {
    kind,
    id,
    person,
    from: cutOff ?? from,
    to,
    cutOff: cutOff !== undefined,
    ...(unreadable === 0 ? {} : { unreadable }),
    ...sums,
    devices: devices.map((row) => ({
      device: row.id,
      name: row.name,
      state: row.state as DeviceState,
      enrolledAt: row.enrolled_at,
      records: seen.get(row.id)?.records ?? 0,
      ...(seen.has(row.id) ? { last: seen.get(row.id)!.last } : {}),
    })),
  };
}

async function personOf(db: Db, device: string): Promise<string> {
  const row = await db.selectFrom('devices').select('person_id').where('id', '=', device).executeTakeFirst();
  if (row !== undefined) return row.person_id;
  throw new PosternError('not-found', `no device ${device}`, { tell: 'There is no such device.' });
}

/** A refusal before any grant names only the device; what a person did without one, only the person. */
function readPage(
  db: Db,
  { person, devices, whole }: { readonly person: string; readonly devices: readonly string[]; readonly whole: boolean },
  { from, to, before }: { readonly from: number; readonly to: number; readonly before: number },
) {
  return db
    .selectFrom('records')
    .select([...readColumns])
    .where('position', '<', before)
    .where('time', '>=', from)
    .where('time', '<=', to)
    .where((eb) => {
      const own = eb('person_id', '=', person);
      const mine = whole ? own : eb.and([own, eb('kind', 'in', ofPerson)]);
      return devices.length === 0 ? mine : eb.or([mine, eb('device_id', 'in', [...devices])]);
    })
    .orderBy('position', 'desc')
    .limit(page)
    .execute();
}
