/** The root (10 years) and the issuing CA below it (1 year) as rows; private keys sealed, the root's perhaps taken away (P33). */
import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import {
  type Issuer,
  type Authority as MadeAuthority,
  makeIssuingCa,
  makeRootCa,
} from '#shared/crypto/issue-certificate.ts';
import { privateKeyFromPem, privateKeyToPem } from '#shared/crypto/keys.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { nextChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';

/** What the sealed key of a CA is bound to. */
export const authorityPlace = (id: string) => ({ table: 'authorities', row: id, column: 'sealed' });

interface CaOrder {
  readonly sealer: Sealer;
  readonly trustDomain: string;
}

/** The first root and the first issuing CA, both current. */
export async function addFirstAuthorities(trx: Trx, at: number, order: CaOrder): Promise<void> {
  const root = await makeRootCa({ trustDomain: order.trustDomain, now: at });
  await insert(trx, at, { ...order, kind: 'root', state: 'current', made: root });
  const issuing = await makeIssuingCa({ root, trustDomain: order.trustDomain, now: at });
  await insert(trx, at, { ...order, kind: 'issuing', state: 'current', made: issuing });
}

/** A next issuing CA, announced; returns its id. Throws `conflict` when the root's key has been taken off this machine. */
export async function announceIssuingCa(trx: Trx, at: number, order: CaOrder): Promise<string> {
  const root = await readIssuer(trx, order.sealer, 'root');
  if (root === undefined) {
    throw new PosternError('conflict', 'the key of the root is not here', {
      tell: 'The key of the root CA is not on this machine: posternctl keys root bring FILE.',
    });
  }
  const issuing = await makeIssuingCa({ root, trustDomain: order.trustDomain, now: at });
  const id = await insert(trx, at, { ...order, kind: 'issuing', state: 'announced', made: issuing });
  const n = await nextChange(trx, at, [{ kind: 'bundle', bundle: await readBundle(trx) }]);
  await trx.updateTable('authorities').set({ announced_n: n }).where('id', '=', id).execute();
  return id;
}

/** As `promoteSigningKey`. The key of the CA before signs nothing more and is destroyed; its leaves live out their day. */
export async function promoteIssuingCa(trx: Trx, at: number, confirmedThrough: number): Promise<boolean> {
  const next = await trx
    .selectFrom('authorities')
    .select(['id', 'announced_n'])
    .where('kind', '=', 'issuing')
    .where('state', '=', 'announced')
    .orderBy('created_at')
    .executeTakeFirst();
  if (next === undefined || next.announced_n > confirmedThrough) return false;
  await trx
    .updateTable('authorities')
    .set({ state: 'retired', since: at, sealed: null })
    .where('kind', '=', 'issuing')
    .where('state', '=', 'current')
    .execute();
  await trx.updateTable('authorities').set({ state: 'current', since: at }).where('id', '=', next.id).execute();
  return true;
}

/** The roots, as PEM. */
export async function readBundle(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('authorities')
    .select('certificate')
    .where('kind', '=', 'root')
    .where('state', '!=', 'retired')
    .orderBy('created_at')
    .execute();
  return rows.map(({ certificate }) => certificate);
}

/** The current CA of its kind with its key; undefined when there is none or its key is not here. */
export async function readIssuer(
  db: Db,
  sealer: Sealer,
  kind: 'root' | 'issuing',
): Promise<(Issuer & { readonly id: string; readonly createdAt: number; readonly endsAt: number }) | undefined> {
  const row = await db
    .selectFrom('authorities')
    .selectAll()
    .where('kind', '=', kind)
    .where('state', '=', 'current')
    .orderBy('since', 'desc')
    .executeTakeFirst();
  if (row === undefined || row.sealed === null) return undefined;
  const privateKey = privateKeyFromPem(sealer.openText(row.sealed, authorityPlace(row.id)));
  return { id: row.id, certificate: row.certificate, privateKey, createdAt: row.created_at, endsAt: row.ends_at };
}

async function insert(
  trx: Trx,
  at: number,
  order: CaOrder & { kind: 'root' | 'issuing'; state: 'announced' | 'current'; made: MadeAuthority },
): Promise<string> {
  const id = `ca_${randomId()}`;
  const { sealer, kind, state, made } = order;
  const row = {
    id,
    kind,
    certificate: made.certificate,
    sealed: sealer.sealText(privateKeyToPem(made.privateKey), authorityPlace(id)),
    state,
    announced_n: 0,
    since: at,
    created_at: at,
    ends_at: made.notAfter,
  };
  await trx.insertInto('authorities').values(row).execute();
  return id;
}
