/**
 * The gateways that a grant answer names (P26): fresh, and behind a door only those that have confirmed the knock key of this
 * session. Another would meet the device with silence.
 */
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';
import type { FreshGateway } from '../from-gateways/fresh-gateways.ts';
import type { Db } from '../store/open-store.ts';

type GatewayAddress = GrantGiven['gateways'][number];

export async function readyGateways(
  db: Db,
  fresh: readonly FreshGateway[],
  session: string | undefined,
): Promise<GatewayAddress[]> {
  const isAnyHidden = fresh.some(({ door }) => door !== 'none');
  const told = isAnyHidden && session !== undefined ? await knockChange(db, session) : 0;
  return fresh.flatMap(({ through, door, knockPorts, preludePort, ...gateway }) => {
    if (door === 'none') return [gateway];
    if (told === 0 || through < told) return [];
    const open = preludePort === 0 ? {} : { preludePort };
    return [{ ...gateway, door, ...open, ...(knockPorts.length === 0 ? {} : { knockPorts: [...knockPorts] }) }];
  });
}

/** The change that told gateways of the session's key; 0 for none. */
async function knockChange(db: Db, session: string): Promise<number> {
  const row = await db.selectFrom('sessions').select('knock_n').where('id', '=', session).executeTakeFirst();
  return row?.knock_n ?? 0;
}
