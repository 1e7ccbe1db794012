/** Places outside as owners add and remove them, and how far each has come. Each change in the transaction of its record. */
import { PosternError } from '#shared/base/errors.ts';
import type { AnchorKind, LogAnchorShown, NewLogAnchor } from '#shared/contracts/admin-log-anchors.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { LogState } from '../log/log-state.ts';
import { unopened } from '../log-streams/stream-rows.ts';
import type { TargetSecrets } from '../log-streams/target.ts';
import type { LogAnchorRow } from '../store/log-anchor-tables.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { AnchorOrder, AnchorSettings } from './anchor.ts';
import { readAnchor } from './read-anchor.ts';

/** Far above what anybody has. */
const mostAnchors = 32;

const placeOf = (name: string) => ({ table: 'log_anchors', row: name, column: 'sealed' });

/** Throws `bad-request` and `conflict`. */
export async function addAnchor(
  trx: Trx,
  at: number,
  { body, by, sealer }: { readonly body: NewLogAnchor; readonly by: string; readonly sealer: Sealer },
): Promise<void> {
  const { name, kind } = body;
  const { settings, secrets, everyMs } = readAnchor(body);
  const rows = await trx.selectFrom('log_anchors').select('name').execute();
  if (rows.some((row) => row.name === name)) throw conflict('There is a place outside of this name.');
  if (rows.length >= mostAnchors) throw conflict(`There are ${mostAnchors} places outside already.`);
  await trx
    .insertInto('log_anchors')
    .values({
      name,
      kind,
      settings: JSON.stringify(settings),
      sealed: sealer.sealText(JSON.stringify(secrets), placeOf(name)),
      every_ms: everyMs,
      origin: '',
      size: 0,
      anchored_at: null,
      next_at: 0,
      failing_since: null,
      failing_told: 0,
      created_by: by,
      created_at: at,
    })
    .execute();
}

const conflict = (tell: string): PosternError => new PosternError('conflict', undefined, { tell });

export async function removeAnchor(trx: Trx, name: string): Promise<LogAnchorRow> {
  const row = await findAnchor(trx, name);
  await trx.deleteFrom('log_anchors').where('name', '=', name).execute();
  await trx.deleteFrom('log_known').where('source', '=', knownByAnchor(name)).execute();
  return row;
}

/** Where it stands among those that keep something. */
export const knownByAnchor = (name: string): string => `anchor/${name}`;

/** Throws `not-found`. */
export async function findAnchor(db: Db, name: string): Promise<LogAnchorRow> {
  const row = await db.selectFrom('log_anchors').selectAll().where('name', '=', name).executeTakeFirst();
  if (row === undefined)
    throw new PosternError('not-found', undefined, { tell: 'There is no such place outside of the log.' });
  return row;
}

export const readAnchors = (db: Db): Promise<LogAnchorRow[]> =>
  db.selectFrom('log_anchors').selectAll().orderBy('name').execute();

/** Throws for a row that was written with another master key, or is not as it was written. */
export function orderOf(sealer: Sealer, row: LogAnchorRow): AnchorOrder {
  return {
    name: row.name,
    kind: row.kind as AnchorKind,
    settings: JSON.parse(row.settings) as AnchorSettings,
    secrets: JSON.parse(sealer.openText(row.sealed, placeOf(row.name))) as TargetSecrets,
    everyMs: row.every_ms,
    born: row.created_at,
    origin: row.origin,
    size: row.size,
    nextAt: row.next_at,
  };
}

/** One that cannot be opened holds up no other: it is told as what it is. */
export function tryOrder(sealer: Sealer, row: LogAnchorRow): AnchorOrder | Error {
  try {
    return orderOf(sealer, row);
  } catch (error) {
    return unopened(error);
  }
}

export interface ShowAnchorParts {
  readonly sealer: Sealer;
  readonly anchors: { troubleOf(name: string): string | undefined };
}

export function showAnchor({ sealer, anchors }: ShowAnchorParts, state: LogState, row: LogAnchorRow): LogAnchorShown {
  const order = tryOrder(sealer, row);
  const { settings, secrets } = order instanceof Error ? { settings: {}, secrets: {} } : order;
  const size = row.origin === state.origin ? row.size : 0;
  const why = order instanceof Error ? order.message : anchors.troubleOf(row.name);
  // What cannot be opened is told at once, before it is looked at.
  const since = row.failing_since ?? (order instanceof Error ? row.created_at : null);
  return {
    name: row.name,
    kind: row.kind as AnchorKind,
    ...settings,
    secrets: Object.keys(secrets) as ('authorization' | 'key' | 'query')[],
    everySeconds: Math.ceil(row.every_ms / 1000),
    size,
    behind: Math.max(0, state.size - size),
    ...(row.anchored_at === null ? {} : { anchoredAt: row.anchored_at }),
    ...(since === null ? {} : { trouble: { since, why: (why ?? 'it failed').slice(0, 500) } }),
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
