/** Cuts what a new snapshot no longer allows to run. Streams under what only changed go on until their grant must be renewed. */
import { isOnceOperation } from '#shared/wire/operations.ts';
import type { LiveTable } from '../grants/live-table.ts';
import type { GatewaySnapshot } from '../state/snapshot.ts';

/** Returns how many it cut. */
export function cutTakenBack(live: LiveTable, before: GatewaySnapshot, after: GatewaySnapshot): number {
  if (live.size === 0) return 0;
  let cut = 0;
  if (before.revocations !== after.revocations) cut += live.cutRevoked(after.revocations);
  if (before.denied !== after.denied) {
    cut += live.cutWhere('certificate-refused', ({ claims }) => after.denied.has(`device/${claims.did}`));
  }
  // P20: under a withdrawn key nothing counts, whoever used it; another key by the same name withdraws it too.
  if (before.keys !== after.keys)
    cut += live.cutWhere('grant-revoked', ({ kid }) => after.keys.get(kid) !== before.keys.get(kid));
  if (before.apps !== after.apps) {
    cut += live.cutWhere('app-mismatch', ({ claims }) => {
      const app = after.apps.get(claims.app);
      return app === undefined || app.kind !== before.apps.get(claims.app)?.kind;
    });
    // P18: what the app wants granted one by one from now on.
    cut += live.cutWhere('once-needed', ({ claims: { app: id, use }, ruled: { request } }) => {
      const app = after.apps.get(id);
      return use === 'many' && app?.kind === 'http' && request !== undefined && isOnceOperation(app, request);
    });
  }
  cut += live.cutWhere('grant-below-floor', ({ claims }) => claims.epoch < (after.floors.get(claims.app) ?? 0));
  return cut;
}
