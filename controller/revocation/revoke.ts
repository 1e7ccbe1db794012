/** Takes grants back (P13): one change, heard by every gateway, that beats each grant decided before it. */
import { second } from '#shared/base/clock.ts';
import type { Revocation, StreamChange } from '#shared/contracts/gateway-to-controller.ts';
import { grantReach } from '#shared/contracts/grant.ts';
import { nextChangeWith } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import { spreadRenewals } from './spread-renewals.ts';

type RevocationKind = Revocation['kind'];

export interface RevokeOrder {
  readonly kind: RevocationKind;
  /** Several ids of one kind make one change. `everything` takes one empty id. */
  readonly ids: readonly string[];
  readonly reason: Revocation['reason'];
}

/** After this long no grant that was alive when it was taken back can be accepted anywhere. */
const revocationMemoryMs = grantReach * second;

export const columnOf = {
  person: 'person_id',
  device: 'device_id',
  session: 'session_id',
  grant: 'jti',
  app: 'app_id',
} as const;

/** Returns the change number and how many live grants it took back. An empty list of ids changes nothing: `n` is 0. */
export async function revoke(
  trx: Trx,
  at: number,
  orders: readonly RevokeOrder[],
  /** How many are looked at in all, when this is one step of many: they are renewed over the time that all of them need. */
  amongst = 0,
): Promise<{ n: number; grants: number }> {
  const wanted = orders.flatMap((order) => order.ids.map((id) => ({ kind: order.kind, id, reason: order.reason })));
  if (wanted.length === 0) return { n: 0, grants: 0 };
  const until = at + revocationMemoryMs;
  const lost: { ends_at: number }[][] = [];
  for (const { kind, id } of wanted) lost.push(await takeGrants(trx, at, kind, id));
  const grants = lost.reduce((sum, rows) => sum + rows.length, 0);
  const stream = (seen: number): StreamChange[] => [
    { kind: 'revoke', revocations: wanted.map(({ kind, id, reason }) => ({ kind, id, seen, until, reason })) },
    ...spreadRenewals(Math.max(grants, amongst)),
  ];
  const n = await nextChangeWith(trx, at, stream, await siteOf(trx, wanted));
  for (const [index, { kind, id, reason }] of wanted.entries()) {
    const ends = lost[index]!.map((row) => row.ends_at);
    const last_grant_ends_at = ends.length === 0 ? null : ends.reduce((a, b) => Math.max(a, b));
    await trx
      .insertInto('revocations')
      .values({ n, kind, id, seen: n, until, reason, at, last_grant_ends_at })
      .execute();
  }
  return { n, grants };
}

/**
 * P1: of other sites a gateway does not even learn the names of apps. Everything else goes to all: people and devices roam, ids of
 * grants and sessions tell nothing, and a cut that misses a place is worse than one that is heard where it is not needed.
 */
async function siteOf(trx: Trx, wanted: readonly { kind: RevocationKind; id: string }[]): Promise<string | undefined> {
  if (!wanted.every(({ kind }) => kind === 'app')) return undefined;
  const ids = wanted.map(({ id }) => id);
  const rows = await trx.selectFrom('apps').select(['id', 'site']).where('id', 'in', ids).execute();
  const sites = new Set(rows.map(({ site }) => site));
  return rows.length === new Set(ids).size && sites.size === 1 ? rows[0]!.site : undefined;
}

function takeGrants(trx: Trx, at: number, kind: RevocationKind, id: string): Promise<{ ends_at: number }[]> {
  const alive = trx.deleteFrom('grants').where('ends_at', '>', at);
  const matched = kind === 'everything' ? alive : alive.where(columnOf[kind], '=', id);
  return matched.returning('ends_at').execute();
}
