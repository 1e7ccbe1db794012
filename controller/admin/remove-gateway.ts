/** Revoking a gateway (P23): its certificate, its place in the key sets, its open invitations; the caller cuts its stream. */
import { PosternError } from '#shared/base/errors.ts';
import { type KeySetAuthority, readKeySets } from '../from-gateways/gateway-state.ts';
import { voidInvitations } from '../identity/invitations.ts';
import { knownBy } from '../log/known/known-checkpoints.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';

/** Returns the change number that the other gateways must confirm. Throws `not-found` or `conflict`. */
export async function removeGateway(trx: Trx, at: number, authority: KeySetAuthority, id: string): Promise<number> {
  const row = await trx.selectFrom('gateways').select(['site', 'state']).where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new PosternError('not-found', `no gateway ${id}`, { tell: 'There is no such gateway.' });
  if (row.state === 'gone')
    throw new PosternError('conflict', `gateway ${id} is gone`, { tell: 'It is gone already.' });
  await trx.updateTable('gateways').set({ state: 'gone', identity_jwk: null }).where('id', '=', id).execute();
  // It is asked no more what it keeps; what it contradicted stays known (P35).
  await trx
    .deleteFrom('log_known')
    .where('source', '=', knownBy(id))
    .where('verdict', 'not in', ['beyond', 'forked'])
    .execute();
  await voidInvitations(trx, { subject: id, kinds: ['gateway'] });
  await trx
    .insertInto('denied')
    .values({ id: `gateway/${id}`, since: at })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  const denied = await nextChange(trx, at, [{ kind: 'deny', id: `gateway/${id}` }]);
  const keySets = await readKeySets(trx, row.site, authority);
  return Math.max(denied, await nextChange(trx, at, [{ kind: 'key-sets', keySets }], row.site));
}
