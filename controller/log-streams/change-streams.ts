/** Streams as admins add, pause, resume and remove them. Each in the transaction of its record. */
import { PosternError } from '#shared/base/errors.ts';
import type { LogStreamShown, NewLogStream, StreamFormat, StreamKind } from '#shared/contracts/admin-log-streams.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { newestPosition } from '../log/page-records.ts';
import type { LogStreamRow } from '../store/log-stream-tables.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { LogStreams } from './log-streams.ts';
import { readSettings } from './read-settings.ts';
import { sealSecrets, tryOrder } from './stream-rows.ts';
import type { TargetSecrets } from './target.ts';

export interface Adding {
  readonly body: NewLogStream;
  readonly by: string;
  readonly sealer: Sealer;
}

/** Far above what anybody has: each is a batch in memory. */
const mostStreams = 32;

/** Throws `bad-request` and `conflict`. */
export async function addStream(trx: Trx, at: number, { body, by, sealer }: Adding): Promise<void> {
  const { name, kind, since } = body;
  const { format, settings, secrets } = readSettings(body);
  const rows = await trx.selectFrom('log_streams').select('name').execute();
  if (rows.some((row) => row.name === name))
    throw new PosternError('conflict', `the stream ${name} is there already`, {
      tell: 'There is a stream of this name.',
    });
  if (rows.length >= mostStreams)
    throw new PosternError('conflict', 'too many streams', { tell: `There are ${mostStreams} streams already.` });
  await trx
    .insertInto('log_streams')
    .values({
      name,
      kind,
      format,
      settings: JSON.stringify(settings),
      sealed: sealSecrets(sealer, name, secrets),
      state: 'running',
      until: null,
      position: since === undefined ? await newestPosition(trx) : await positionBefore(trx, since),
      delivered: 0,
      delivered_at: null,
      set_aside: 0,
      set_aside_at: null,
      created_by: by,
      created_at: at,
      lease_by: '',
      lease_until: 0,
    })
    .execute();
}

/** Before the first record of that time or later, in the order of writing. */
async function positionBefore(db: Db, since: number): Promise<number> {
  const row = await db
    .selectFrom('records')
    .select((eb) => eb.fn.min('position').as('first'))
    .where('time', '>=', since)
    .executeTakeFirst();
  return row?.first == null ? newestPosition(db) : Number(row.first) - 1;
}

/** Called behind the record of it: that record is the last one the target gets. */
export async function pauseStream(trx: Trx, name: string): Promise<void> {
  await findStream(trx, name);
  const until = await newestPosition(trx);
  await trx.updateTable('log_streams').set({ state: 'paused', until }).where('name', '=', name).execute();
}

export async function resumeStream(trx: Trx, name: string): Promise<void> {
  await findStream(trx, name);
  await trx.updateTable('log_streams').set({ state: 'running', until: null }).where('name', '=', name).execute();
}

export async function removeStream(trx: Trx, name: string): Promise<void> {
  await findStream(trx, name);
  await trx.deleteFrom('log_stream_asides').where('stream', '=', name).execute();
  await trx.deleteFrom('log_streams').where('name', '=', name).execute();
}

/** Throws `not-found`. */
export async function findStream(db: Db, name: string): Promise<LogStreamRow> {
  const row = await db.selectFrom('log_streams').selectAll().where('name', '=', name).executeTakeFirst();
  if (row === undefined) throw new PosternError('not-found', `no stream ${name}`, { tell: 'There is no such stream.' });
  return row;
}

export interface ShowParts {
  readonly db: Db;
  readonly sealer: Sealer;
  readonly logStreams: Pick<LogStreams, 'stateOf'>;
}

export async function showStreams({ db, ...parts }: ShowParts, now: number): Promise<LogStreamShown[]> {
  const rows = await db.selectFrom('log_streams').selectAll().orderBy('name').execute();
  return Promise.all(rows.map((row) => showStream({ db, ...parts }, now, row)));
}

export async function showStream(
  { db, sealer, logStreams }: ShowParts,
  now: number,
  row: LogStreamRow,
): Promise<LogStreamShown> {
  const { held, trouble } = logStreams.stateOf(row.name);
  const oldest = await db
    .selectFrom('records')
    .select(['position', 'time'])
    .where('position', '>', row.position)
    .orderBy('position')
    .limit(1)
    .executeTakeFirst();
  const behind = oldest === undefined ? 0 : (await newestPosition(db)) - oldest.position + 1;
  const order = tryOrder(sealer, row);
  const { settings, secrets } = order instanceof Error ? { settings: {}, secrets: {} } : order;
  return {
    name: row.name,
    kind: row.kind as StreamKind,
    format: row.format as StreamFormat,
    ...settings,
    secrets: Object.keys(secrets) as (keyof TargetSecrets)[],
    state: stateWord(row, held, trouble !== undefined),
    position: row.position,
    behind,
    secondsBehind: oldest === undefined ? 0 : Math.max(0, Math.floor((now - oldest.time) / 1000)),
    delivered: row.delivered,
    setAside: row.set_aside,
    ...(row.set_aside_at === null ? {} : { setAsideAt: row.set_aside_at }),
    ...(row.delivered_at === null ? {} : { deliveredAt: row.delivered_at }),
    ...(trouble === undefined ? {} : { trouble: { ...trouble, why: trouble.why.slice(0, 500) } }),
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}

function stateWord(
  { state, until, position }: LogStreamRow,
  held: boolean,
  isTroubled: boolean,
): LogStreamShown['state'] {
  if (state === 'paused') return until !== null && position < until ? 'pausing' : 'paused';
  if (!held) return 'elsewhere';
  return isTroubled ? 'trouble' : 'running';
}
