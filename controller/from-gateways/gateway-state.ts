/** What one site's gateways must know, read in one transaction, so that a snapshot is of one moment. */
import type { App } from '#shared/contracts/app.ts';
import type { PublicJwk } from '#shared/contracts/common.ts';
import type { AppKeySet, Revocation, SigningKey, StreamMessage } from '#shared/contracts/gateway-to-controller.ts';
import { readVerificationKeys } from '../authority/signing-keys.ts';
import { readKnockKeys } from '../identity/knock-keys.ts';
import { readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';

/** What this part needs of the authority. */
export interface KeySetAuthority {
  bundle(): string[];
  verificationKeys(): SigningKey[];
  signKeySet(payload: { readonly app: string; readonly keys: readonly PublicJwk[] }): string;
}

type Snapshot = Extract<StreamMessage, { t: 'snapshot' }>;

export interface SnapshotOrder {
  readonly site: string;
  readonly generation: string;
  readonly at: number;
  readonly authority: KeySetAuthority;
}

export async function readSnapshot(db: Db, order: SnapshotOrder): Promise<Snapshot> {
  const { site, generation, at, authority } = order;
  return db.transaction().execute(async (trx) => {
    const apps = await readApps(trx, site);
    const revocations = await trx.selectFrom('revocations').selectAll().where('until', '>', at).orderBy('n').execute();
    // P1: of other sites a gateway does not even learn the names of apps. A grant for an app that it does not have it refuses.
    const own = new Set(apps.map(({ id }) => id));
    const floors = await trx
      .selectFrom('floors')
      .innerJoin('apps', 'apps.id', 'floors.app_id')
      .select(['floors.app_id', 'floors.epoch'])
      .where('apps.site', '=', site)
      .execute();
    const denied = await trx.selectFrom('denied').select('id').execute();
    return {
      t: 'snapshot',
      generation,
      n: await readChange(trx),
      time: at,
      apps,
      keys: await readVerificationKeys(trx),
      bundle: authority.bundle(),
      revocations: revocations.filter(({ kind, id }) => kind !== 'app' || own.has(id)).map(toRevocation),
      floors: floors.map((row) => ({ app: row.app_id, epoch: row.epoch })),
      denied: denied.map((row) => row.id),
      keySets: await readKeySets(trx, site, authority),
      knockKeys: await readKnockKeys(trx, at),
    };
  });
}

async function readApps(db: Db, site: string): Promise<App[]> {
  const rows = await db.selectFrom('apps').select('definition').where('site', '=', site).orderBy('id').execute();
  return rows.map((row) => JSON.parse(row.definition) as App);
}

function toRevocation(row: Omit<Revocation, 'kind' | 'reason'> & { kind: string; reason: string }): Revocation {
  const { id, seen, until } = row;
  return { kind: row.kind as Revocation['kind'], id, seen, until, reason: row.reason as Revocation['reason'] };
}

/** The key set of each app of a site: the identity keys of the gateways now serving it, and no others (P23). */
export async function readKeySets(db: Db, site: string, authority: KeySetAuthority): Promise<AppKeySet[]> {
  const gateways = await db
    .selectFrom('gateways')
    .select('identity_jwk')
    .where('site', '=', site)
    .where('state', '=', 'active')
    .orderBy('id')
    .execute();
  const keys = gateways.flatMap((row) =>
    row.identity_jwk === null ? [] : [JSON.parse(row.identity_jwk) as PublicJwk],
  );
  const apps = await db.selectFrom('apps').select('id').where('site', '=', site).where('kind', '=', 'http').execute();
  return apps.map(({ id }) => ({ app: id, keys, signed: authority.signKeySet({ app: id, keys }) }));
}
