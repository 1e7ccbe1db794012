/**
 * Takes a posture report in: one transaction that moves the sequence number, stores the facts, and, when something a
 * policy could see has changed, takes a change number, writes a record and decides the device's grants again (P14, P19).
 */
import type { Clock } from '#shared/base/clock.ts';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { AgentEvent } from '#shared/contracts/agent-to-controller.ts';
import { checkName, type PostureReport } from '#shared/contracts/posture.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';
import type { Decider } from '../grants/decider.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { appendRecord } from '../log/append-record.ts';
import type { PostureFact } from '../policy/facts.ts';
import { nextChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { type DevicePosture, loadPosture, shownState, ttlOf } from './load-posture.ts';
import { type PostureSettings, readPostureSettings } from './posture-settings.ts';
import { readReport } from './read-report.ts';

export type NotifyDevice = (device: string, event: AgentEvent) => void;

export interface PostureParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly decider: Decider;
  /** Tells a device's agent, if it listens; called after the commit. */
  readonly notify: NotifyDevice;
}

export interface TakenReport {
  readonly accepted: number;
  readonly facts: readonly { fact: string; state: ReturnType<typeof shownState>; freshForMs: number }[];
}

/** A measurement told again with each report arrives a few milliseconds earlier or later: that is no new measurement. */
const sameMeasurementMs = 2 * second;

/** Throws what `readReport` throws, `device-suspended`, and `conflict` for a number that is not higher than the last. */
export async function takeReport(
  parts: PostureParts,
  { text, peer, trace }: { readonly text: string; readonly peer: Peer; readonly trace: string },
): Promise<TakenReport> {
  const report = readReport(text, peer);
  const at = parts.clock.now();
  const taken = await parts.db.transaction().execute(async (trx) => {
    const person = await takeNumber(trx, peer.id, report.seq);
    const settings = await readPostureSettings(trx);
    const before = await loadPosture(trx, peer.id, settings);
    await storeFacts(trx, { device: peer.id, report, at, settings });
    const after = await loadPosture(trx, peer.id, settings);
    const changed = findChanges(before, after, at);
    if (changed.length > 0) {
      await nextChange(trx, at);
      await appendRecord(trx, at, {
        kind: 'posture',
        event: 'facts-changed',
        trace,
        person,
        device: peer.id,
        details: { changed },
      });
      await redecideGrants(parts.decider, trx, at, { device: peer.id }, 'facts-changed');
    }
    return { after, changed };
  });
  if (taken.changed.length > 0) parts.notify(peer.id, { type: 'apps-changed' });
  const names = allFacts(taken.after);
  return {
    accepted: report.facts.length + report.checks.length,
    facts: [...names].map(([fact, stored]) => ({
      fact,
      state: shownState(stored, at),
      freshForMs: Math.max(0, stored.goodUntil - at),
    })),
  };
}

/** By compare-and-set: of two reports with one number only one is taken, and yesterday's good report never again. */
async function takeNumber(trx: Trx, device: string, seq: number): Promise<string> {
  const taken = await trx
    .updateTable('devices')
    .set({ posture_seq: seq })
    .where('id', '=', device)
    .where('posture_seq', '<', seq)
    .where('state', 'in', ['active', 'pending'])
    .returning('person_id')
    .executeTakeFirst();
  if (taken !== undefined) return taken.person_id;
  const row = await trx
    .selectFrom('devices')
    .select(['state', 'posture_seq'])
    .where('id', '=', device)
    .executeTakeFirst();
  if (row === undefined || (row.state !== 'active' && row.state !== 'pending'))
    throw new PosternError('device-suspended', `a posture report of a device that is ${row?.state ?? 'not known'}`);
  throw new PosternError('conflict', `a posture report of ${device} with a number that was used`, {
    // An agent whose counter file was lost goes on from here.
    extra: { lastSeq: row.posture_seq },
  });
}

interface Storing {
  readonly device: string;
  readonly report: PostureReport;
  readonly at: number;
  readonly settings: PostureSettings;
}

async function storeFacts(trx: Trx, { device, report, at, settings }: Storing): Promise<void> {
  const known = new Set(settings.checks.map(({ id }) => id));
  const rows = [
    ...report.facts.map(({ fact, value, status, detail, ageMs }) => ({
      fact: fact as string,
      value,
      status,
      detail,
      ageMs,
    })),
    // A check that was withdrawn since the agent last asked is no mistake of the agent's: it is left out.
    ...report.checks
      .filter(({ id }) => known.has(id))
      .map(({ id, status, ageMs }) => ({
        fact: checkName(id),
        value: status === 'unknown' ? null : status === 'pass',
        status,
        detail: undefined,
        ageMs,
      })),
  ];
  const stored = await trx
    .selectFrom('posture_facts')
    .select(['fact', 'value', 'status', 'source', 'measured_at'])
    .where('device_id', '=', device)
    .execute();
  for (const { fact, value, status, detail, ageMs } of rows) {
    const old = stored.find((row) => row.fact === fact);
    const measured = at - ageMs;
    // What the device says of itself never replaces what a better source said, while that is fresh.
    if (old !== undefined && old.source !== 'self' && at < old.measured_at + ttlOf(fact, settings) * second) continue;
    const text = JSON.stringify(value);
    const same = old !== undefined && old.value === text && old.status === status && old.source === 'self';
    if (same && Math.abs(measured - old.measured_at) < sameMeasurementMs) continue;
    const row = { value: text, status, source: 'self', detail: detail ?? null, measured_at: measured, received_at: at };
    await trx
      .insertInto('posture_facts')
      .values({ device_id: device, fact, ...row })
      .onConflict((conflict) => conflict.columns(['device_id', 'fact']).doUpdateSet(row))
      .execute();
  }
}

export interface PostureChange {
  readonly fact: string;
  readonly from: string;
  readonly to: string;
}

/** What a policy could see differently, now or, where a measurement is older than the one before, sooner than it was known (P10). */
function findChanges(before: DevicePosture, after: DevicePosture, at: number): PostureChange[] {
  const old = allFacts(before);
  const tell = (fact: PostureFact | undefined) => {
    if (fact === undefined) return 'unknown';
    const state = shownState(fact, at);
    return state === 'pass' && typeof fact.value !== 'boolean' ? `${state} ${String(fact.value).slice(0, 64)}` : state;
  };
  const changes: PostureChange[] = [];
  for (const [fact, now] of allFacts(after)) {
    const was = old.get(fact);
    const [from, to] = [tell(was), tell(now)];
    const isSeen = was !== undefined && shownState(now, at) === 'pass';
    const isSooner = isSeen && now.goodUntil < was.goodUntil;
    if (from !== to || (isSeen && now.value !== was.value)) changes.push({ fact, from, to });
    else if (isSooner) changes.push({ fact, from, to: `${to}, by an older measurement` });
  }
  return changes;
}

function allFacts({ posture, checks }: DevicePosture): Map<string, PostureFact> {
  const prefixed = Object.entries(checks).map(([id, fact]) => [checkName(id), fact] as const);
  return new Map([...Object.entries(posture), ...prefixed]);
}
