/** A gateway in a store, as one that has joined and sent nothing yet. */
import type { Insertable } from 'kysely';
import type { Db } from '../../controller/store/open-store.ts';
import type { Tables } from '../../controller/store/tables.ts';

export async function addGatewayRow(
  db: Db,
  over: Partial<Insertable<Tables['gateways']>> & { readonly id: string; readonly site: string },
): Promise<void> {
  const never = {
    jkt: null,
    public_jwk: null,
    certificate_serial: null,
    certificate_ends_at: null,
    identity_jwk: null,
    generation: null,
    last_seen_at: null,
  };
  const usual = { address: 'gw:1', state: 'active', door: 'none', knock_ports: '', prelude_port: 0 } as const;
  await db
    .insertInto('gateways')
    .values({ ...never, ...usual, through: 0, joined_at: 0, ...over })
    .execute();
}
