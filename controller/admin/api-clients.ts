/**
 * API clients: programs that ask the services listener, each by a token of its own. Tokens have 256 random bits and are
 * hashed at rest; they begin with a word of their own, so that scanners for secrets find one that was committed or pasted.
 */
import { randomSecret, sha256 } from '#shared/base/bytes.ts';
import { day, hour, minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { claimName, retireName } from '../store/gone-names.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';

const apiTokenPrefix = 'postern_api_';
const usualDays = 90;

export interface ApiClient {
  readonly name: string;
  readonly scopes: readonly string[];
}

export interface TokenGiven {
  readonly name: string;
  readonly token: string;
  readonly endsAt: number;
}

const hashApiToken = (token: string): string => sha256(token).toString('hex');

export interface NewApiClient {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly days?: number | undefined;
  readonly by: string;
}

/** Throws `conflict` when the name is or was taken, `bad-request` for a scope that names a store that is not there. */
export async function addApiClient(trx: Trx, at: number, order: NewApiClient): Promise<TokenGiven> {
  const { name, by } = order;
  const scopes = [...new Set(order.scopes)].sort();
  for (const scope of scopes) {
    const store = scope.slice('authzen:'.length);
    const known =
      store === '' ||
      (await trx.selectFrom('policy_stores').select('name').where('name', '=', store).executeTakeFirst());
    if (!known)
      throw new PosternError('bad-request', `no policy store ${store}`, { tell: `There is no policy store ${store}.` });
  }
  if (await trx.selectFrom('api_clients').select('name').where('name', '=', name).executeTakeFirst())
    throw new PosternError('conflict', `the API client ${name} is there already`, {
      tell: 'There is an API client of this name: rotate its token, or remove it first.',
    });
  await claimName(trx, 'API client', name);
  const { token, endsAt } = makeToken(at, order.days);
  await trx
    .insertInto('api_clients')
    .values({
      name,
      token_hash: hashApiToken(token),
      former_hash: null,
      former_ends_at: null,
      scopes: JSON.stringify(scopes),
      created_by: by,
      created_at: at,
      ends_at: endsAt,
      last_used_at: null,
    })
    .execute();
  return { name, token, endsAt };
}

export interface Rotation {
  readonly days?: number | undefined;
  /** How long the former token stays good; not at all unless told. Never longer than it was. */
  readonly overlapHours?: number | undefined;
}

/** Throws `not-found`. Of two former tokens only the last one can still be good. */
export async function rotateApiClient(trx: Trx, at: number, name: string, rotation: Rotation): Promise<TokenGiven> {
  const before = await findByName(trx, name);
  const { token, endsAt } = makeToken(at, rotation.days);
  const formerEndsAt = Math.min(at + (rotation.overlapHours ?? 0) * hour, before.ends_at);
  const former = formerEndsAt > at;
  await trx
    .updateTable('api_clients')
    .set({
      token_hash: hashApiToken(token),
      former_hash: former ? before.token_hash : null,
      former_ends_at: former ? formerEndsAt : null,
      ends_at: endsAt,
    })
    .where('name', '=', name)
    .execute();
  return { name, token, endsAt };
}

/** Throws `not-found`. */
export async function removeApiClient(trx: Trx, at: number, name: string): Promise<void> {
  await findByName(trx, name);
  await retireName(trx, at, 'API client', name);
  await trx.deleteFrom('api_clients').where('name', '=', name).execute();
}

export async function showApiClients(db: Db, now: number) {
  const rows = await db.selectFrom('api_clients').selectAll().orderBy('name').execute();
  return rows.map((row) => ({
    name: row.name,
    scopes: JSON.parse(row.scopes) as string[],
    createdAt: row.created_at,
    createdBy: row.created_by,
    endsAt: row.ends_at,
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
    ...(row.former_ends_at === null || row.former_ends_at <= now ? {} : { formerEndsAt: row.former_ends_at }),
  }));
}

/**
 * Whose token it is; undefined for anything else. Looked up by its hash: how long that takes tells of the hash of a guess,
 * and nothing of any token. The last use is noted once a minute, so that asking is no writing.
 */
export async function findApiClient(db: Db, now: number, token: string): Promise<ApiClient | undefined> {
  const hash = hashApiToken(token);
  const row = await db
    .selectFrom('api_clients')
    .selectAll()
    .where((eb) => eb.or([eb('token_hash', '=', hash), eb('former_hash', '=', hash)]))
    .executeTakeFirst();
  if (row === undefined || goodUntil(row, hash) <= now) return undefined;
  if (row.last_used_at === null || now - row.last_used_at >= minute)
    await db.updateTable('api_clients').set({ last_used_at: now }).where('name', '=', row.name).execute();
  return { name: row.name, scopes: JSON.parse(row.scopes) as string[] };
}

function goodUntil(row: Tables['api_clients'], hash: string): number {
  return row.token_hash === hash ? row.ends_at : (row.former_ends_at ?? 0);
}

async function findByName(trx: Trx, name: string): Promise<Tables['api_clients']> {
  const row = await trx.selectFrom('api_clients').selectAll().where('name', '=', name).executeTakeFirst();
  if (row === undefined)
    throw new PosternError('not-found', `no API client ${name}`, { tell: 'There is no such API client.' });
  return row;
}

function makeToken(at: number, days = usualDays): { token: string; endsAt: number } {
  return { token: apiTokenPrefix + randomSecret(), endsAt: at + days * day };
}
