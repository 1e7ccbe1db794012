/**
 * Facts go stale without anybody saying so. This job finds the devices of which a fact did since the last look, writes it
 * down, decides their grants again (no grant outlives its facts, so this finds little) and asks the agents for posture.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { second } from '#shared/base/clock.ts';
import { checkName, reportedFactKeys } from '#shared/contracts/posture.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { appendRecord } from '../log/append-record.ts';
import { nextChange } from '../store/changes.ts';
import { ttlOf } from './load-posture.ts';
import { readPostureSettings } from './posture-settings.ts';
import type { PostureParts } from './take-report.ts';

/** Looks at what went stale after `since` and not after `at`; returns the devices, so that the caller can count. */
export async function reviewLapses(parts: PostureParts, since: number, at: number): Promise<string[]> {
  const settings = await readPostureSettings(parts.db);
  const names = [...reportedFactKeys, ...settings.checks.map(({ id }) => checkName(id))];
  const rows = await parts.db
    .selectFrom('posture_facts')
    .innerJoin('devices', 'devices.id', 'posture_facts.device_id')
    .select(['device_id', 'fact', 'person_id'])
    .where('devices.state', '=', 'active')
    .where('posture_facts.status', '=', 'pass')
    .where(({ eb, and, or }) =>
      or(
        names.map((name) => {
          const ttl = ttlOf(name, settings) * second;
          return and([eb('fact', '=', name), eb('measured_at', '>', since - ttl), eb('measured_at', '<=', at - ttl)]);
        }),
      ),
    )
    .execute();
  const lapsed = new Map<string, { person: string; facts: string[] }>();
  for (const { device_id, fact, person_id } of rows) {
    const device = lapsed.get(device_id) ?? { person: person_id, facts: [] };
    device.facts.push(fact);
    lapsed.set(device_id, device);
  }
  for (const [device, { person, facts }] of lapsed) {
    await parts.db.transaction().execute(async (trx) => {
      await nextChange(trx, at);
      const changed = facts.map((fact) => ({ fact, from: 'pass', to: 'stale' }));
      await appendRecord(trx, at, { kind: 'posture', event: 'facts-lapsed', person, device, details: { changed } });
      await redecideGrants(parts.decider, trx, at, { device }, 'facts-changed');
    });
    // A fleet that was away together lapses together: others have their turn in between.
    await nextTurn();
    parts.notify(device, { type: 'posture-wanted' });
    parts.notify(device, { type: 'apps-changed' });
  }
  return [...lapsed.keys()];
}
