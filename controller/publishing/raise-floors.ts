/**
 * Raises the floor of every app to the version in force once no grant of an earlier version can be alive (P14): from then
 * on a gateway refuses such a grant by its epoch alone.
 */
import { second } from '#shared/base/clock.ts';
import { grantReach } from '#shared/contracts/grant.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';

/** Milliseconds after publishing. */
export const floorDelayMs = grantReach * second;

/** A job; returns how many floors it raised. Each site's gateways hear of their own apps only. */
export async function raiseFloors(trx: Trx, at: number): Promise<number> {
  const version = await trx
    .selectFrom('policy_versions')
    .select(['epoch', 'at'])
    .where('in_force', '=', 1)
    .executeTakeFirst();
  if (version === undefined || at < version.at + floorDelayMs) return 0;
  // A grant of an earlier version that is alive all the same (a clock was set back) is not cut by this.
  const older = await trx
    .selectFrom('grants')
    .select('jti')
    .where('epoch', '<', version.epoch)
    .where('ends_at', '>', at)
    .executeTakeFirst();
  if (older !== undefined) return 0;
  const apps = await trx
    .selectFrom('apps')
    .leftJoin('floors', 'floors.app_id', 'apps.id')
    .select(['apps.id', 'apps.site', 'floors.epoch'])
    .orderBy('apps.id')
    .execute();
  const behind = apps.filter(({ epoch }) => (epoch ?? 0) < version.epoch);
  for (const [site, own] of Map.groupBy(behind, (app) => app.site)) {
    const floors = own.map(({ id }) => ({ app: id, epoch: version.epoch }));
    await trx
      .insertInto('floors')
      .values(floors.map(({ app, epoch }) => ({ app_id: app, epoch })))
      .onConflict((conflict) => conflict.column('app_id').doUpdateSet({ epoch: version.epoch }))
      .execute();
    await nextChange(trx, at, [{ kind: 'floor', floors }], site);
  }
  return behind.length;
}
