/**
 * Keys that sign grants and key sets, in their states (P20): `announced` to the gateways by a change, `current` once they
 * have it, `retired` while grants under it may live, `withdrawn` for good. Private parts are sealed in their rows.
 */
import type { KeyObject } from 'node:crypto';
import { PosternError } from '#shared/base/errors.ts';
import type { SigningKey, StreamChange } from '#shared/contracts/gateway-to-controller.ts';
import {
  generateKeyPair,
  keyThumbprint,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyToJwk,
} from '#shared/crypto/keys.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { spreadRenewals } from '../revocation/spread-renewals.ts';
import { nextChange, readChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';

export type KeyPurpose = 'grant' | 'key-set';
/** The change that gateways confirm, and how many grants alive the key had signed. */
export interface Withdrawn {
  readonly n: number;
  readonly grants: number;
}
export type KeyState = 'announced' | 'current' | 'retired' | 'withdrawn';

const place = (kid: string) => ({ table: 'signing_keys', row: kid, column: 'sealed' });

/** Adds a new key. A grant key that is only announced tells the gateways so; `current` is for the first key of a purpose. */
export async function addSigningKey(
  trx: Trx,
  at: number,
  { sealer, purpose, state }: { sealer: Sealer; purpose: KeyPurpose; state: 'announced' | 'current' },
): Promise<string> {
  const { privateKey, publicKey } = generateKeyPair();
  const kid = keyThumbprint(publicKey);
  const row = {
    kid,
    purpose,
    public_jwk: JSON.stringify(publicKeyToJwk(publicKey)),
    sealed: sealer.sealText(privateKeyToPem(privateKey), place(kid)),
    state,
    announced_n: 0,
    created_at: at,
    since: at,
  };
  await trx.insertInto('signing_keys').values(row).execute();
  if (purpose === 'grant') {
    const n = await nextChange(trx, at, [await keysChange(trx)]);
    await trx.updateTable('signing_keys').set({ announced_n: n }).where('kid', '=', kid).execute();
  }
  return kid;
}

/** The keys by which gateways verify grants: all but the withdrawn. */
export async function readVerificationKeys(db: Db): Promise<SigningKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .select(['kid', 'public_jwk'])
    .where('purpose', '=', 'grant')
    .where('state', '!=', 'withdrawn')
    .orderBy('created_at')
    .orderBy('kid')
    .execute();
  return rows.map(({ kid, public_jwk }) => ({ kid, jwk: JSON.parse(public_jwk) as SigningKey['jwk'] }));
}

async function keysChange(trx: Trx): Promise<StreamChange> {
  return { kind: 'keys', keys: await readVerificationKeys(trx) };
}

/** The announced grant key becomes current when every fresh gateway has confirmed its change; returns whether it did. */
export async function promoteSigningKey(trx: Trx, at: number, confirmedThrough: number): Promise<boolean> {
  const next = await trx
    .selectFrom('signing_keys')
    .select(['kid', 'announced_n'])
    .where('purpose', '=', 'grant')
    .where('state', '=', 'announced')
    .orderBy('created_at')
    .executeTakeFirst();
  if (next === undefined || next.announced_n > confirmedThrough) return false;
  await setState(trx, at, { purpose: 'grant', from: 'current', to: 'retired' });
  await trx.updateTable('signing_keys').set({ state: 'current', since: at }).where('kid', '=', next.kid).execute();
  return true;
}

/** Retired keys under which no grant can be alive any more; tells the gateways. Returns how many. */
export async function withdrawRetired(trx: Trx, at: number, retiredBefore: number): Promise<number> {
  const result = await trx
    .updateTable('signing_keys')
    .set({ state: 'withdrawn', since: at, sealed: '' })
    .where('purpose', '=', 'grant')
    .where('state', '=', 'retired')
    .where('since', '<', retiredBefore)
    .executeTakeFirst();
  const count = Number(result.numUpdatedRows);
  if (count > 0) await nextChange(trx, at, [await keysChange(trx)]);
  return count;
}

/**
 * Takes a grant key out of use at once (P20), because it may have leaked: every grant under it dies with it. If it was the
 * current one, an announced key takes its place, or a new one: gateways that do not know it yet ask and answer `retry`.
 */
export async function withdrawSigningKey(
  trx: Trx,
  at: number,
  { kid, sealer }: { kid: string; sealer: Sealer },
): Promise<Withdrawn> {
  const row = await trx
    .selectFrom('signing_keys')
    .select(['state', 'since'])
    .where('kid', '=', kid)
    .where('purpose', '=', 'grant')
    .where('state', '!=', 'withdrawn')
    .executeTakeFirst();
  if (row === undefined) {
    throw new PosternError('not-found', 'no such signing key in use', {
      tell: 'No signing key of that name is in use.',
    });
  }
  const grants = await countUnder(trx, at, row);
  await trx
    .updateTable('signing_keys')
    .set({ state: 'withdrawn', since: at, sealed: '' })
    .where('kid', '=', kid)
    .execute();
  if (row.state === 'current' && !(await promoteSigningKey(trx, at, Number.MAX_SAFE_INTEGER))) {
    await addSigningKey(trx, at, { sealer, purpose: 'grant', state: 'current' });
  } else {
    await nextChange(trx, at, [await keysChange(trx)]);
  }
  const spread = spreadRenewals(grants);
  if (spread.length > 0) await nextChange(trx, at, spread);
  return { n: await readChange(trx), grants };
}

/** Grants alive that it signed: a current key since it is in use, a retired one until it was retired. */
async function countUnder(trx: Trx, at: number, { state, since }: { state: string; since: number }): Promise<number> {
  if (state === 'announced') return 0;
  const row = await trx
    .selectFrom('grants')
    .select((eb) => eb.fn.countAll<number>().as('grants'))
    .where('ends_at', '>', at)
    .where('issued_at', state === 'current' ? '>=' : '<=', since)
    .executeTakeFirst();
  return Number(row?.grants ?? 0);
}

async function setState(
  trx: Trx,
  at: number,
  { purpose, from, to }: { purpose: KeyPurpose; from: KeyState; to: KeyState },
): Promise<void> {
  await trx
    .updateTable('signing_keys')
    .set({ state: to, since: at })
    .where('purpose', '=', purpose)
    .where('state', '=', from)
    .execute();
}

export interface SignerKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly since: number;
}

/** Throws `internal` when there is no current key of this purpose. */
export async function readSigner(db: Db, sealer: Sealer, purpose: KeyPurpose): Promise<SignerKey> {
  const row = await db
    .selectFrom('signing_keys')
    .select(['kid', 'sealed', 'since'])
    .where('purpose', '=', purpose)
    .where('state', '=', 'current')
    .orderBy('since', 'desc')
    .executeTakeFirst();
  if (row === undefined) throw new PosternError('internal', `there is no current ${purpose} key`);
  return { kid: row.kid, privateKey: privateKeyFromPem(sealer.openText(row.sealed, place(row.kid))), since: row.since };
}
