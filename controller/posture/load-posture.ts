/** Stored posture of one device as the decision wants it, and as people are shown it. */
import { second } from '#shared/base/clock.ts';
import { checkPrefix, type FactSource, type FactStatus, reportedFactKeys } from '#shared/contracts/posture.ts';
import type { PostureFact } from '../policy/facts.ts';
import { isFresh } from '../policy/facts-to-context.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import type { PostureSettings } from './posture-settings.ts';

export interface DevicePosture {
  readonly posture: Record<string, PostureFact>;
  readonly checks: Record<string, PostureFact>;
}

export type PostureRow = Pick<Tables['posture_facts'], 'fact' | 'value' | 'status' | 'source' | 'measured_at'>;

export async function loadPosture(db: Db, device: string, settings: PostureSettings): Promise<DevicePosture> {
  const rows = await db
    .selectFrom('posture_facts')
    .select(['fact', 'value', 'status', 'source', 'measured_at'])
    .where('device_id', '=', device)
    .orderBy('fact')
    .execute();
  return shapePosture(rows, settings);
}

/** `rows` of one device, by the names of their facts. Facts that no version of the contract names any more, and checks that were withdrawn, are left out. */
export function shapePosture(rows: readonly PostureRow[], settings: PostureSettings): DevicePosture {
  const loaded: DevicePosture = { posture: {}, checks: {} };
  const known = new Set(settings.checks.map(({ id }) => id));
  for (const row of rows) {
    const isCheck = row.fact.startsWith(checkPrefix);
    const name = isCheck ? row.fact.slice(checkPrefix.length) : row.fact;
    if (isCheck ? !known.has(name) : !(reportedFactKeys as readonly string[]).includes(name)) continue;
    const ttl = ttlOf(row.fact, settings) * second;
    const fact: PostureFact = {
      value: JSON.parse(row.value) as PostureFact['value'],
      status: row.status as FactStatus,
      source: row.source as FactSource,
      measuredAt: row.measured_at,
      goodUntil: row.measured_at + ttl,
    };
    (isCheck ? loaded.checks : loaded.posture)[name] = fact;
  }
  return loaded;
}

/** Seconds. A check lives as long as the fact `checks`, unless it has a time of its own under its full name. */
export function ttlOf(fact: string, settings: PostureSettings): number {
  const own = settings.ttl[fact];
  return own ?? (fact.startsWith(checkPrefix) ? (settings.ttl['checks'] ?? 0) : 0);
}

export type ShownState = FactStatus | 'stale';

export function shownState(fact: PostureFact, at: number): ShownState {
  if (fact.status === 'unknown') return 'unknown';
  return isFresh(fact, at) ? fact.status : 'stale';
}
