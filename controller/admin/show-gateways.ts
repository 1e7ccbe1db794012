/** Gateways as administrators see them. */
import type { Static } from 'typebox';
import type { gatewayShown } from '#shared/contracts/admin-objects.ts';
import type { FreshParts } from '../from-gateways/fresh-gateways.ts';
import type { GatewayConditions } from '../from-gateways/gateway-conditions.ts';
import { readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';

export type GatewayShown = Static<typeof gatewayShown>;

/** `behind`: connected, but it has not confirmed the newest change yet, or none of this generation. */
export async function showGateways(
  db: Db,
  { streams, generation, conditions }: FreshParts & { readonly conditions: Pick<GatewayConditions, 'of'> },
): Promise<GatewayShown[]> {
  const rows = await db.selectFrom('gateways').selectAll().orderBy('id').execute();
  const now = await readChange(db);
  const connected = streams.connected();
  return rows.map((row) => {
    const records = conditions.of(row.id);
    const through = row.generation === generation ? row.through : 0;
    const isUpToDate = through >= now;
    return {
      id: row.id,
      site: row.site,
      address: row.address,
      state: row.state as GatewayShown['state'],
      connection: connected.has(row.id) ? (isUpToDate ? 'fresh' : 'behind') : 'away',
      through,
      ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
      ...(row.certificate_ends_at === null ? {} : { certificateEndsAt: row.certificate_ends_at }),
      ...(records === undefined ? {} : { records }),
    };
  });
}
