/** A log of many verdicts as controllers and gateways write it, for the benchmark of replay: rows as `recordRow` makes them. */
import { sha256 } from '#shared/base/bytes.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { canonicalJson } from '../../controller/grants/snapshot-facts.ts';
import { recordRow } from '../../controller/log/record-row.ts';
import type { Facts } from '../../controller/policy/facts.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { wikiApp } from '../support/policy-desk.ts';
import { goodFact, goodFacts, hourMs } from '../support/policy-facts.ts';

export interface LogSize {
  readonly verdicts: number;
  readonly people: number;
  readonly apps: number;
  /** Verdicts that rest on one snapshot: a report of posture makes another. */
  readonly perSnapshot: number;
}

const batch = 1000;
const accessesPerGrant = 4;

/** Returns the moment of the last verdict. */
export async function writeLog(file: string, size: LogSize, from: number, text: string): Promise<number> {
  const store = await openStore(file);
  const { db } = store;
  const version = { epoch: 1, files: JSON.stringify([{ id: 'all', text }]), tests: '[]', policies: size.apps };
  await db
    .insertInto('policy_versions')
    .values({ ...version, by: 'bench', message: '', at: from, in_force: 1 })
    .execute();
  await db.insertInto('groups').values({ id: 'staff', name: 'Staff', created_at: from }).execute();
  await db.insertInto('app_groups').values({ id: 'internal', name: 'Internal' }).execute();
  const apps = Array.from({ length: size.apps }, (_, n) => ({ ...wikiApp, id: `app-${n}`, hosts: [`app-${n}.test`] }));
  for (const app of apps) {
    const row = { id: app.id, site: 'main', kind: 'http', definition: JSON.stringify(app), created_at: from };
    await db.insertInto('apps').values(row).execute();
  }
  let at = from;
  let facts = '';
  for (let start = 0; start < size.verdicts; start += batch) {
    await db.transaction().execute(async (trx) => {
      const rows = [];
      for (let n = start; n < start + batch; n += 1) {
        at += 100;
        if (n % size.perSnapshot === 0) {
          const snapshot = canonicalJson(factsOf(n, size, at));
          facts = sha256(snapshot).toString('hex');
          await trx
            .insertInto('fact_snapshots')
            .values({ id: facts, facts: snapshot, first_at: at, last_at: at })
            .execute();
        }
        rows.push(recordRow(recordOf(n, size, at, facts)));
      }
      for (let part = 0; part < rows.length; part += 100)
        await trx
          .insertInto('records')
          .values(rows.slice(part, part + 100))
          .execute();
    });
  }
  await store.stop();
  return at;
}

function factsOf(n: number, { people, perSnapshot }: LogSize, at: number): Facts {
  const who = Math.floor(n / perSnapshot) % people;
  const posture = Object.entries(goodFacts.device.posture).map(([key, { value }]) => [key, goodFact(value, at)]);
  return {
    ...goodFacts,
    person: { ...goodFacts.person, id: `person-${who}`, groups: ['staff', `team-${who % 20}`] },
    device: {
      ...goodFacts.device,
      certificateEndsAt: at + 20 * hourMs,
      id: `dev_${String(who).padStart(8, '0')}`,
      posture: Object.fromEntries(posture),
    },
    session: { ...goodFacts.session!, startedAt: at - 60_000, endsAt: at + 40_000_000, secondFactorAt: at - 30_000 },
  };
}

function recordOf(n: number, { people, apps, perSnapshot }: LogSize, at: number, facts: string): AccessRecord {
  const who = Math.floor(n / perSnapshot) % people;
  const isGrant = n % (accessesPerGrant + 1) === 0;
  const grant = `gr_${String(Math.floor(n / (accessesPerGrant + 1))).padStart(16, '0')}`;
  const app = `app-${Math.floor(n / (accessesPerGrant + 1)) % apps}`;
  const path = `/pages/${n % 50}`;
  return {
    id: `rec_${String(n).padStart(16, '0')}`,
    time: at,
    kind: isGrant ? 'grant' : 'access',
    phase: isGrant ? 'single' : 'opening',
    trace: n.toString(16).padStart(32, '0'),
    verdict: 'allow',
    reasons: [isGrant ? 'policy-permit' : 'grant-valid'],
    person: `person-${who}`,
    device: `dev_${String(who).padStart(8, '0')}`,
    session: 'ses_0000000001',
    app,
    appFacts: { kind: 'http', site: 'main', groups: ['internal'] },
    grant,
    from: '10.1.2.3',
    epoch: 1,
    facts,
    ...(isGrant
      ? { policies: [`${app}-staff`] }
      : { gateway: 'gw1', request: { method: 'GET', host: `${app}.test`, path } }),
  };
}
