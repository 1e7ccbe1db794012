/** Which gateways can be told an agent: in service, with an open stream here, and with a snapshot of this generation. */
import type { DoorMode } from '#shared/contracts/knock.ts';
import type { Db } from '../store/open-store.ts';
import type { GatewayStreams } from './gateway-streams.ts';

export interface FreshParts {
  readonly streams: Pick<GatewayStreams, 'connected'>;
  readonly generation: string;
}

export interface FreshGateway {
  readonly id: string;
  readonly site: string;
  readonly address: string;
  /** Thumbprint of the key that it joined with. */
  readonly jkt: string;
  /** The change number that it confirmed last. */
  readonly through: number;
  readonly door: DoorMode;
  /** Of its kernel door; empty for none. */
  readonly knockPorts: readonly number[];
  /** With the prelude door alone; 0 for none. */
  readonly preludePort: number;
}

/** Of one site, or of all. By `db`, which may be a transaction: the store has one connection. */
export async function freshGateways(db: Db, parts: FreshParts, site?: string): Promise<FreshGateway[]> {
  let query = db
    .selectFrom('gateways')
    .select(['id', 'site', 'address', 'jkt', 'through', 'door', 'knock_ports', 'prelude_port'])
    .where('state', '=', 'active')
    .where('generation', '=', parts.generation)
    .orderBy('id');
  if (site !== undefined) query = query.where('site', '=', site);
  const connected = parts.streams.connected();
  return (await query.execute()).flatMap(({ jkt, door, knock_ports, prelude_port: preludePort, ...row }) =>
    jkt !== null && connected.has(row.id)
      ? [{ ...row, jkt, door: door as DoorMode, knockPorts: portsIn(knock_ports), preludePort }]
      : [],
  );
}

const portsIn = (text: string): number[] => (text === '' ? [] : text.split(',').map(Number));

/** The lowest number that every fresh gateway has confirmed (P20); the highest number there is when none is fresh. */
export async function confirmedThrough(db: Db, parts: FreshParts): Promise<number> {
  const gateways = await freshGateways(db, parts);
  return gateways.reduce((least, { through }) => Math.min(least, through), Number.MAX_SAFE_INTEGER);
}
