/** Sets and releases legal holds. */
import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { adminRetention, HoldShown } from '#shared/contracts/admin-retention.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import type { Db, Trx } from '../../store/open-store.ts';
import type { LegalHoldRow } from '../../store/retention-tables.ts';

/** Each stretch of the log that is pruned is compared with all of them. */
const most = 1000;

type HoldBody = BodyOf<(typeof adminRetention)['addHold']>;

/** Throws `bad-request` for one that names nothing, `conflict` for a name that is taken, `not-found` for somebody or something that never was. */
export async function addHold(
  trx: Trx,
  at: number,
  order: { readonly body: HoldBody; readonly by: string; readonly because: string },
): Promise<LegalHoldRow> {
  const { name, person, device, app, trace, from, to } = order.body;
  if ([person, device, app, trace, from, to].every((one) => one === undefined))
    throw refuse('bad-request', 'Say what it keeps: a person, a device, an app, a trace, or a time.');
  if (from !== undefined && to !== undefined && from > to)
    throw refuse('bad-request', 'The time of the hold ends before it begins.');
  if ((await findHold(trx, name)) !== undefined) throw refuse('conflict', `There is a hold ${name} already.`);
  const { holds } = await trx
    .selectFrom('legal_holds')
    .select((eb) => eb.fn.countAll<number>().as('holds'))
    .executeTakeFirstOrThrow();
  if (Number(holds) >= most) throw refuse('conflict', `There are ${most} holds, which is the most.`);
  // A name that is mistyped would keep nothing, and nobody would know.
  if (person !== undefined) await requireOne(trx, 'people', person, 'person');
  if (device !== undefined) await requireOne(trx, 'devices', device, 'device');
  if (app !== undefined && !(await isRecorded(trx, app))) await requireOne(trx, 'apps', app, 'app');
  const row: LegalHoldRow = {
    id: `hold_${randomId(16)}`,
    name,
    person_id: person ?? null,
    device_id: device ?? null,
    app_id: app ?? null,
    trace: trace ?? null,
    from_time: from ?? null,
    to_time: to ?? null,
    because: order.because,
    created_by: order.by,
    created_at: at,
  };
  await trx.insertInto('legal_holds').values(row).execute();
  return row;
}

/** Throws `not-found`. */
export async function releaseHold(trx: Trx, name: string): Promise<LegalHoldRow> {
  const row = await findHold(trx, name);
  if (row === undefined) throw refuse('not-found', `There is no hold ${name}.`);
  await trx.deleteFrom('legal_holds').where('id', '=', row.id).execute();
  return row;
}

const findHold = (db: Db, name: string): Promise<LegalHoldRow | undefined> =>
  db.selectFrom('legal_holds').selectAll().where('name', '=', name).executeTakeFirst();

/** Of an app that was removed records stay. */
async function isRecorded(db: Db, app: string): Promise<boolean> {
  return (await db.selectFrom('records').select('position').where('app_id', '=', app).limit(1).execute()).length > 0;
}

async function requireOne(db: Db, table: 'people' | 'devices' | 'apps', id: string, what: string): Promise<void> {
  const row = await db.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw refuse('not-found', `There is no ${what} ${id}.`);
}

const refuse = (code: 'bad-request' | 'conflict' | 'not-found', tell: string) => new PosternError(code, tell, { tell });

/** What a hold keeps, as it was asked for. */
export function holdOf(row: LegalHoldRow): Omit<HoldShown, 'id' | 'name' | 'because' | 'by' | 'at' | 'records'> {
  return {
    ...(row.person_id === null ? {} : { person: row.person_id }),
    ...(row.device_id === null ? {} : { device: row.device_id }),
    ...(row.app_id === null ? {} : { app: row.app_id }),
    ...(row.trace === null ? {} : { trace: row.trace }),
    ...(row.from_time === null ? {} : { from: row.from_time }),
    ...(row.to_time === null ? {} : { to: row.to_time }),
  };
}
