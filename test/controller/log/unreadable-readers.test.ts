/** Whoever reads the log for an answer says what of it cannot be read; none fails over it, and none passes over it in silence. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EvidenceLine } from '#shared/contracts/admin-evidence.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { encodeDisclosure } from '#shared/log/disclosures.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { listNotices } from '../../../controller/identity/my-notices.ts';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { beginErasure, goOnErasing } from '../../../controller/log/erase-person.ts';
import { recordOf, recordRow } from '../../../controller/log/record-row.ts';
import { makeReport } from '../../../controller/reports/make-report.ts';
import { worldThen } from '../../../controller/reports/world-then.ts';
import { timesOfRights } from '../../../controller/reviews/since-when.ts';
import { type Db, openStore } from '../../../controller/store/open-store.ts';
import { at, person, seed } from '../../support/erasable-person.ts';
import { appendMade } from '../support/made-log.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

async function open(t: Test): Promise<Db> {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  return store.db;
}

const spoil = (db: Db, id: string, change: { leaf?: string; disclosures?: string } = { leaf: 'no record' }) =>
  db.updateTable('records').set(change).where('id', '=', id).execute();

/** The id of what was appended last. */
async function newest(db: Db): Promise<string> {
  const row = await db
    .selectFrom('records')
    .select('id')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  return row.id;
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
    await spoil(db, await newest(db));
    await appendRecord(db, at + 10, { kind: 'factor', event: 'factors-reset', person: 'ann', actor: 'olga' });
    await appendRecord(db, at + 20, { kind: 'admin', event: 'set-suspended', person: 'ann', actor: 'olga' });
    const hidden = await newest(db);
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
    const hidden = await newest(db);
    await spoil(db, hidden, { disclosures: '[[' });
    const order = { from: 0, at: at + 100 } as const;
    const report = await makeReport(db, { ...order, report: 'changes' }, at + 200, () => {});
    t.equal(report.rows.length, 1);
    t.match(report.notes.join('\n'), new RegExp(`^1 records that it is made of cannot be read .*${hidden}`, 'm'));
    const dormant = await makeReport(db, { report: 'dormant', from: 0, at: at + 5 }, at + 200, () => {});
    t.match(dormant.notes.join('\n'), /^1 records .* cannot be read/m);
    t.match((await worldThen(db, at + 5)).unknown.get('group *'), `the record ${hidden} of`);
    t.equal((await worldThen(db, at + 50)).unknown.size, 0, 'what it was after that is known');
  },
);

t.test('since when somebody has a right is not said where a later change cannot be read', async (t) => {
  const db = await open(t);
  const row = { id: 'ann', name: 'Ann', email: null, role: 'employee', state: 'active', risk: 0 };
  await db
    .insertInto('people')
    .values({ ...row, created_at: at, last_sign_in_at: null, had_factors: 1 })
    .execute();
  const right = { person: 'ann', app: 'wiki', groups: [], policies: [] } as never;
  await appendRecord(db, at + 10, { kind: 'admin', event: 'applied', actor: 'olga' });
  t.same(await timesOfRights(db, [right]), [{ since: at }]);
  await spoil(db, await newest(db));
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

t.test('posternctl: tail, show, touched and explain of a log with records that cannot be read', async (t) => {
  const controller = await runController(t);
  const { db } = controller.store;
  const ctl = shellOf(controller);
  await appendMade(db, 0, 40);
  const made = await db.selectFrom('records').select(['id', 'trace']).where('id', 'like', 'rec_0%').execute();
  const [hidden, seen] = [made[30]!, made[31]!];
  await spoil(db, hidden.id);
  const ids = (out: string) =>
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id as string);
  const tailed = ids((await ctl(['log', 'tail', '-n', '50', '--json'])).out);
  t.ok(tailed.indexOf(hidden.id) === tailed.indexOf(seen.id) - 1, 'in its place');
  t.match(ids((await ctl(['log', 'tail', '-n', '5', '--app', 'none-such', '--json'])).out), [hidden.id]);
  t.equal(ids((await ctl(['log', 'tail', '-n', '3', '--json'])).out).length, 3);

  const story = await ctl(['log', 'show', hidden.trace]);
  t.equal(story.code, 0, story.err);
  t.match(story.out, /record-unreadable/);
  const explained = await ctl(['policy', 'explain', hidden.trace]);
  t.equal(explained.code, 0, explained.err);

  // Evidence hands it on as it stands, for whoever checks it to find.
  await spoil(db, seen.id, { disclosures: '[[' });
  const evidence = await controller.as({ reason: 'test' }).evidence({ query: { from: 0, to: 1e13 } });
  const lines: EvidenceLine[] = [];
  for await (const line of readNdjson(evidence, { maxLine: 1e6 })) lines.push(line as EvidenceLine);
  t.match(lines.at(-1), { t: 'end', records: lines.length - 2 });
  const shown = lines.filter((line) => line.t === 'record');
  t.ok(shown.some(({ leaf }) => leaf === 'no record'));
  t.match(shown.find(({ leaf }) => leaf.includes(seen.id))?.disclosures, [encodeDisclosure('[[')]);
  const proven = await ctl(['log', 'prove', seen.id, '--out', join(t.testdir(), 'proof')]);
  t.match(proven.err, /cannot be read \(it is no JSON\): run "posternctl log verify"/);

  const who = 'person-x';
  t.equal((await ctl(['person', 'add', who, '--name', 'X', '--reason', 'test'])).code, 0);
  await appendRecord(db, controller.clock.now(), {
    kind: 'sign-in',
    event: 'signed-in',
    verdict: 'allow',
    person: who,
  });
  await spoil(db, await newest(db));
  const touched = await ctl(['log', 'touched', 'person', who, '--since', '24h']);
  t.equal(touched.code, 0, touched.err);
  t.match(touched.err, /^1 record cannot be read: what they would tell is missing here/m);
});
