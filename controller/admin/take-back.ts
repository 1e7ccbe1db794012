/** `revoke <kind> <id>`: takes grants back, and ends the sessions that would only fetch new ones. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminCuts } from '#shared/contracts/admin-cuts.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import type { KeySetAuthority } from '../from-gateways/gateway-state.ts';
import { endSessions } from '../identity/sessions.ts';
import { revoke } from '../revocation/revoke.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { removeGateway } from './remove-gateway.ts';

type Order = BodyOf<(typeof adminCuts)['revoke']>;

export interface TakenBack {
  readonly n: number;
  readonly grants: number;
  readonly sessions: number;
}

/** Throws `not-found` for what is not there: a mistyped id must not look like a revocation. */
export async function takeBack(
  trx: Trx,
  at: number,
  { kind, id }: Pick<Order, 'kind' | 'id'>,
  { actor, authority }: { readonly actor: string; readonly authority: KeySetAuthority },
): Promise<TakenBack> {
  if (kind === 'gateway') return { n: await removeGateway(trx, at, authority, id), grants: 0, sessions: 0 };
  if (kind === 'everything') return takeEverything(trx, at, actor);
  await requireThere(trx, at, kind, id);
  let sessions = 0;
  if (kind === 'person' || kind === 'device' || kind === 'session') {
    const which = { [kind]: id } as { person: string } | { device: string } | { session: string };
    const order = { which, because: 'revoked', reason: 'revoked', actor, revokes: false } as const;
    sessions = (await endSessions(trx, at, order)).ids.length;
  }
  const { n, grants } = await revoke(trx, at, [{ kind, ids: [id], reason: 'revoked' }]);
  return { n, grants, sessions };
}

async function takeEverything(trx: Trx, at: number, actor: string): Promise<TakenBack> {
  const people = await trx.selectFrom('sessions').select('person_id').where('state', '=', 'live').distinct().execute();
  let sessions = 0;
  for (const { person_id } of people) {
    const order = { because: 'revoked', reason: 'revoked', actor, revokes: false } as const;
    sessions += (await endSessions(trx, at, { which: { person: person_id }, ...order })).ids.length;
  }
  const { n, grants } = await revoke(trx, at, [{ kind: 'everything', ids: [''], reason: 'revoked' }]);
  return { n, grants, sessions };
}

const places = { person: 'people', device: 'devices', session: 'sessions', app: 'apps' } as const;

/** Throws `not-found`. */
export async function requireThere(db: Db, at: number, kind: keyof typeof places | 'grant', id: string): Promise<void> {
  const row =
    kind === 'grant'
      ? await db.selectFrom('grants').select('jti').where('jti', '=', id).where('ends_at', '>', at).executeTakeFirst()
      : await db.selectFrom(places[kind]).select('id').where('id', '=', id).executeTakeFirst();
  if (row !== undefined) return;
  const what = kind === 'grant' ? 'grant alive' : kind;
  throw new PosternError('not-found', `there is no ${what} ${id}`, { tell: `There is no such ${what}.` });
}
