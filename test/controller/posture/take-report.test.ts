import t from 'tap';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { writePostureSettings } from '../../../controller/posture/posture-settings.ts';
import { reviewLapses } from '../../../controller/posture/review-lapses.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import { deviceId, PolicyDesk } from '../../support/policy-desk.ts';

const trace = 'c'.repeat(32);
const policy = 'permit(principal, action, resource) when { context.device.firewallOn };';
const take = (desk: PolicyDesk, text: string) => takeReport(desk.postureParts, { text, peer: desk.peer, trace });

t.test('a report is stored by the time of the controller, and its change is told', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(policy);
  const text = desk.report(
    {},
    { facts: [{ fact: 'firewallOn', value: true, status: 'pass', ageMs: 600_000, source: 'self' }] },
  );
  t.same(await take(desk, text), {
    accepted: 1,
    facts: [{ fact: 'firewallOn', state: 'pass', freshForMs: 3_000_000 }],
  });
  const row = await desk.db.selectFrom('posture_facts').selectAll().executeTakeFirst();
  t.match(row, { measured_at: desk.now - 600_000, received_at: desk.now, value: 'true' });
  t.same(desk.told, [{ device: deviceId, event: { type: 'apps-changed' } }]);
  t.match(await desk.records('posture'), [
    { details: { changed: [{ fact: 'firewallOn', from: 'unknown', to: 'pass' }] } },
  ]);
  await take(desk, desk.report({ firewallOn: true }));
  t.equal(desk.told.length, 1, 'the same again changes nothing');
  t.equal((await desk.records('posture')).length, 1);
  await desk.store.stop();
});

t.test('P14 a fact that got worse takes back the grants that rest on it, at once and no others', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`${policy} permit(principal, action == Action::"connect", resource == App::"ssh");`);
  await take(desk, desk.report({ firewallOn: true, diskEncrypted: true }));
  const lost = await desk.grant();
  const kept = await desk.grant({ app: 'ssh', act: 'connect' });
  await take(desk, desk.report({ diskEncrypted: false }));
  t.same(
    await desk.db.selectFrom('revocations').selectAll().execute(),
    [],
    'a fact that nothing rests on takes nothing',
  );
  await take(desk, desk.report({ firewallOn: false }));
  const revocations = await desk.db.selectFrom('revocations').selectAll().execute();
  t.match(revocations, [{ kind: 'grant', id: lost.id, reason: 'facts-changed' }]);
  t.ok(revocations[0]!.seen > lost.claims.seen, 'P13');
  t.same(
    (await desk.db.selectFrom('grants').select('jti').execute()).map(({ jti }) => jti),
    [kept.id],
  );
  await t.rejects(desk.grant(), { code: 'device-unfit' });
  await desk.store.stop();
});

t.test('a report is taken once, from its device, whole and known, or not at all', async (t) => {
  const desk = await PolicyDesk.open();
  const first = desk.report({ firewallOn: true });
  await take(desk, first);
  await t.rejects(take(desk, first), { code: 'conflict' }, 'P19 sent again');
  const late = desk.report({ firewallOn: true }, { seq: 1 });
  await t.rejects(take(desk, late), { code: 'conflict' }, 'yesterday');
  const fact = { fact: 'firewallOn', value: true, status: 'pass', ageMs: 0, source: 'self' };
  const body = (over: object) => ({ v: 1, seq: 99, facts: [fact], checks: [], ...over });
  const bad: [string, string][] = [
    [desk.sign(body({ facts: [{ ...fact, fact: 'isAdmin' }] })), 'a fact that is not known'],
    [desk.sign(body({ facts: [fact, fact] })), 'a fact twice'],
    [desk.sign(body({ facts: [{ ...fact, value: 'true' }] })), 'a value of another type'],
    [desk.sign(body({ facts: [{ ...fact, value: null }] })), 'passed without a value'],
    [desk.sign(body({ facts: [{ ...fact, ageMs: -1 }] })), 'from the future'],
    [desk.sign(body({ facts: [{ ...fact, source: 'mdm' }] })), 'another source'],
    [desk.sign(body({ extra: 1 })), 'a member more'],
    [desk.sign(body({}), undefined, generateKeyPair().privateKey), 'signed by another key'],
  ];
  for (const [text, why] of bad) await t.rejects(take(desk, text), { code: 'bad-request' }, why);
  await t.rejects(take(desk, desk.sign(body({}), 'postern-grant+jwt')), { code: 'token-type' });
  await t.rejects(take(desk, 'x'.repeat(40_000)), { code: 'token-malformed' });
  await t.rejects(take(desk, `${first}x`), { code: 'token-malformed' });
  const row = await desk.db.selectFrom('devices').select('posture_seq').executeTakeFirst();
  t.equal(row?.posture_seq, 1, 'none of them moved the number');
  await desk.db.updateTable('devices').set({ state: 'suspended' }).execute();
  await t.rejects(take(desk, desk.report({ firewallOn: true })), { code: 'device-suspended' });
  await desk.store.stop();
});

t.test('the device never overrules a better source, and unknown checks are left out', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.db.transaction().execute((trx) =>
    writePostureSettings(trx, {
      ttl: { firewallOn: 60 },
      checks: [{ id: 'agent', title: 'Agent', kind: 'command', command: 'agent' }],
    }),
  );
  const at = desk.now;
  await desk.db
    .insertInto('posture_facts')
    .values({
      device_id: deviceId,
      fact: 'firewallOn',
      value: 'false',
      status: 'fail',
      source: 'mdm',
      detail: null,
      measured_at: at,
      received_at: at,
    })
    .execute();
  const checks = [
    { id: 'agent', status: 'pass', ageMs: 0 } as const,
    { id: 'other', status: 'pass', ageMs: 0 } as const,
  ];
  const { facts } = await take(desk, desk.report({ firewallOn: true }, { checks }));
  t.match(
    facts.find(({ fact }) => fact === 'firewallOn'),
    { state: 'fail' },
  );
  t.match(
    facts.find(({ fact }) => fact === 'check:agent'),
    { state: 'pass' },
  );
  t.equal(facts.length, 2);
  desk.now += 61_000;
  const later = await take(desk, desk.report({ firewallOn: true }));
  t.match(
    later.facts.find(({ fact }) => fact === 'firewallOn'),
    { state: 'pass', freshForMs: 60_000 },
    'once that is stale',
  );
  await desk.store.stop();
});

t.test('a fact that goes stale is noticed once', async (t) => {
  const desk = await PolicyDesk.open();
  await take(desk, desk.report({ firewallOn: true, diskEncrypted: true }));
  const start = desk.now;
  const hour = 3_600_000;
  t.same(await reviewLapses(desk.postureParts, start, start + hour - 1), []);
  desk.told.length = 0;
  t.same(await reviewLapses(desk.postureParts, start + hour - 1, start + hour), [deviceId]);
  t.same(
    desk.told.map(({ event }) => event.type),
    ['posture-wanted', 'apps-changed'],
  );
  t.match((await desk.records('posture')).at(-1), {
    details: { changed: [{ fact: 'firewallOn', from: 'pass', to: 'stale' }] },
  });
  t.same(await reviewLapses(desk.postureParts, start + hour, start + 2 * hour), []);
  await desk.store.stop();
});
