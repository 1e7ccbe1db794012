/** Whoever reads the log for an answer says what of it cannot be read; none fails over it, and none passes over it in silence. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { replay } from '../../../controller/analysis/replay.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { listNotices } from '../../../controller/identity/my-notices.ts';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { beginErasure, goOnErasing } from '../../../controller/log/erase-person.ts';
import { recordOf, recordRow } from '../../../controller/log/record-row.ts';
import { checkErasures, firstErasure } from '../../../controller/log/verify/check-erasures.ts';
import { FaultList } from '../../../controller/log/verify/fault-list.ts';
import { makeReport } from '../../../controller/reports/make-report.ts';
import { worldThen } from '../../../controller/reports/world-then.ts';
import { timesOfRights } from '../../../controller/reviews/since-when.ts';
import { type Db, openStore } from '../../../controller/store/open-store.ts';
import { at, person, seed } from '../../support/erasable-person.ts';
import { newestId, spoil } from '../support/spoil-record.ts';

async function open(t: Test): Promise<Db> {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  return store.db;
}

async function addAnn(db: Db): Promise<void> {
  const row = { id: 'ann', name: 'Ann', email: null, role: 'employee', state: 'active', risk: 0 };
  await db
    .insertInto('people')
    .values({ ...row, created_at: at, last_sign_in_at: null, had_factors: 1 })
    .execute();
}

const grant: AccessRecord = {
  id: 'rec_grant0000000',
  time: at,
  kind: 'grant',
  phase: 'single',
  trace: 'b'.repeat(32),
  verdict: 'allow',
  reasons: ['policy-permit'],
  person: 'ann',
  device: 'dev_0000000001',
  session: 'ses_0000000001',
  app: 'wiki',
  grant: 'grt_0000000001',
};

t.test(
  'P24 an access under a grant whose record cannot be read is taken in, undisputed, and it is an alarm',
  async (t) => {
    const db = await open(t);
    await db.insertInto('records').values(recordRow(grant)).execute();
    await spoil(db, grant.id);
    const access: AccessRecord = {
      ...grant,
      id: 'rec_access000000',
      kind: 'access',
      phase: 'opening',
      reasons: ['grant-valid'],
      gateway: 'gw1',
    };
    const batch = {
      gateway: 'gw1',
      spool: 'spl_00000001',
      records: [{ seq: 1, record: access }],
    };
    t.same(await takeRecords(db, at + 1, batch), { through: 1 });
    const events = await db.selectFrom('records').select(['id', 'event']).where('event', 'is not', null).execute();
    t.match(events, [{ event: 'record-unreadable' }]);
    t.equal(events.length, 1);
  },
);

t.test(
  'the person is told that something about their account cannot be read, and what can be is told too',
  async (t) => {
    const db = await open(t);
    const signedIn = { kind: 'sign-in', event: 'signed-in', verdict: 'allow', person: 'ann' } as const;
    await appendRecord(db, at, signedIn);
    await spoil(db, await newestId(db));
    await appendRecord(db, at + 10, { kind: 'factor', event: 'factors-reset', person: 'ann', actor: 'olga' });
    await appendRecord(db, at + 20, { kind: 'admin', event: 'set-suspended', person: 'ann', actor: 'olga' });
    const hidden = await newestId(db);
    await spoil(db, hidden);
    await appendRecord(db, at + 30, signedIn);
    t.same(await listNotices(db, 'ann', at + 40), [
      {
        at: at + 20,
        what: `Something about your account is on record and cannot be read; tell your administrator: ${hidden}.`,
        new: true,
      },
      { at: at + 10, what: 'Your password and second factors were reset by an administrator.', new: true },
    ]);
  },
);

t.test(
  'reports say how many of their records cannot be read, and guess nothing that these may have changed',
  async (t) => {
    const db = await open(t);
    const app = { id: 'wiki', kind: 'http' };
    await appendRecord(db, at, {
      kind: 'admin',
      event: 'app-added',
      app: 'wiki',
      actor: 'olga',
      details: { after: app },
    });
    await appendRecord(db, at + 10, {
      kind: 'admin',
      event: 'group-changed',
      actor: 'olga',
      details: { group: 'staff' },
    });
    const hidden = await newestId(db);
    await spoil(db, hidden, { disclosures: '[[' });
    const order = { from: 0, at: at + 100 } as const;
    const report = await makeReport(db, { ...order, report: 'changes' }, at + 200, () => {});
    t.equal(report.rows.length, 1);
    t.match(
      report.notes.join('\n'),
      new RegExp(`^1 of the records that it is made of cannot be read .*${hidden}`, 'm'),
    );
    const dormant = await makeReport(db, { report: 'dormant', from: 0, at: at + 5 }, at + 200, () => {});
    t.match(dormant.notes.join('\n'), /^1 of the records .* cannot be read/m);
    t.match((await worldThen(db, at + 5)).unknown.get('group *'), `the record ${hidden} of`);
    t.equal((await worldThen(db, at + 50)).unknown.size, 0, 'what it was after that is known');
  },
);

t.test(
  'a replay counts verdicts that cannot be read as undetermined; facts of others serve who could reach what',
  async (t) => {
    const db = await open(t);
    await addAnn(db);
    await db.insertInto('records').values(recordRow(grant)).execute();
    await spoil(db, grant.id);
    const sums = await replay(db, { from: 0, to: at + 1, limit: 5 }, undefined);
    t.match(sums, { verdicts: 1, same: 0, undetermined: 1, undeterminedBy: [{ reason: 'record', count: 1 }] });
    const access = await makeReport(db, { report: 'access', from: 0, at: at + 1 }, at + 2, () => {});
    t.same(access.rows, []);
  },
);

t.test(
  'P34 a verification goes on past a record of an erasure that cannot be read, which bears no erasing out',
  async (t) => {
    const db = await open(t);
    const erasure = {
      id: 'era_00000001',
      person_id: null,
      salt: 's',
      digest: 'd',
      actor: 'olga',
      position: 1,
      snapshots: 0,
    };
    await db
      .insertInto('erasures')
      .values({ ...erasure, records: 1, began_at: at, ended_at: at + 1 })
      .execute();
    const details = { erasure: erasure.id, records: 1 };
    await appendRecord(db, at, { kind: 'log', event: 'erasure-begun', details });
    const begun = await newestId(db);
    await appendRecord(db, at + 1, { kind: 'log', event: 'erased', details });
    const faultsOf = async () => {
      const faults = new FaultList();
      await checkErasures(db, 1, faults);
      return faults.sorted().length;
    };
    t.equal(await faultsOf(), 0);
    await spoil(db, await newestId(db));
    await spoil(db, begun);
    t.equal(await faultsOf(), 1);
    t.equal(await firstErasure(db), undefined);
  },
);

t.test('since when somebody has a right is not said where a later change cannot be read', async (t) => {
  const db = await open(t);
  await addAnn(db);
  const right = { person: 'ann', app: 'wiki', groups: [], policies: [] } as never;
  await appendRecord(db, at + 10, { kind: 'admin', event: 'applied', actor: 'olga' });
  t.same(await timesOfRights(db, [right]), [{ since: at }]);
  await spoil(db, await newestId(db));
  t.same(await timesOfRights(db, [right]), [{}]);
});

t.test('P34 an erasure ends past what cannot be read, takes of it what names the person, and says so', async (t) => {
  const store = await openStore(join(t.testdir(), 'controller.db'));
  t.teardown(() => store.stop());
  const { db } = store;
  await seed(store);
  const own = await db
    .selectFrom('records')
    .select(['id', 'disclosures'])
    .where('person_id', '=', person)
    .orderBy('position')
    .limit(2)
    .execute();
  await spoil(db, own[0]!.id, { disclosures: `${own[0]!.disclosures},` });
  await spoil(db, own[1]!.id, { leaf: 'no record' });
  const begun = { person, actor: 'olga' };
  const { erasure } = await db.transaction().execute((trx) => beginErasure(trx, at + 1, begun));
  for (;;) {
    const step = await goOnErasing({ store }, at + 2, { id: erasure.id, forMs: 0, record: async () => {} });
    if (step.erasure.ended_at !== null) break;
  }
  const rows = await db
    .selectFrom('records')
    .select(['disclosures', 'person_id', 'address'])
    .where('id', 'in', [own[0]!.id, own[1]!.id])
    .execute();
  t.same(rows, Array(2).fill({ disclosures: '[]', person_id: null, address: null }));
  const told = await db
    .selectFrom('records')
    .select(['leaf', 'disclosures'])
    .where('event', '=', 'record-unreadable')
    .execute();
  const alarms = told.map(recordOf);
  t.match(alarms, [{ details: { count: 2, first: { record: own[0]!.id, why: 'it is no JSON' } } }]);
  t.notMatch(JSON.stringify(alarms), /zebulon/i);
});
