/** P32: whatever was answered to an ask for a grant, its record leads to all that it was decided on. */
import t from 'tap';
import { sha256 } from '#shared/base/bytes.ts';
import { canonicalJson } from '../../controller/grants/snapshot-facts.ts';
import { takeReport } from '../../controller/posture/take-report.ts';
import { PolicyDesk } from '../support/policy-desk.ts';

const policy = `permit(principal in Group::"staff", action, resource) when { context.device.firewallOn };
  forbid(principal, action == Action::"request", resource) when { context.request.path like "/admin*" };`;
const request = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };

const report = (desk: PolicyDesk, firewallOn: boolean) =>
  takeReport(desk.postureParts, { text: desk.report({ firewallOn }), peer: desk.peer, trace: 'a'.repeat(32) });
const snapshots = (desk: PolicyDesk) => desk.db.selectFrom('fact_snapshots').selectAll().execute();

t.test('P32 each answer, good or bad, points to a snapshot that is what its address says', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(policy);
  await report(desk, true);
  const denied = async (code: string, over: Parameters<PolicyDesk['grant']>[0]) =>
    t.rejects(desk.grant(over), { code });
  await desk.grant({ request });
  await denied('not-allowed', { request: { ...request, path: '/admin' } });
  await denied('request-refused', { request: { ...request, path: '/a/../b' } });
  await denied('not-allowed', { app: 'nothing' });
  await denied('not-allowed', { app: 'ssh' });
  const { gateways } = desk;
  desk.gateways = [];
  await denied('unavailable', { request });
  desk.gateways = gateways;
  t.equal((await snapshots(desk)).length, 1, 'stored once while unchanged');
  await denied('session-required', { session: undefined });
  await desk.grant({ app: 'ssh', act: 'connect', address: '10.9.9.9' });
  await report(desk, false);
  await denied('device-unfit', { request });

  const stored = new Map((await snapshots(desk)).map(({ id, facts }) => [id, facts]));
  const records = await desk.records('grant');
  t.ok(records.length >= 8);
  for (const record of records) {
    const text = stored.get(record.facts!);
    t.ok(text, `${record.reasons}: the snapshot is there`);
    t.equal(record.facts, sha256(text!).toString('hex'), 'by its content');
    const facts = JSON.parse(text!);
    t.equal(canonicalJson(facts), text, 'in its one form');
    t.match(facts, { person: { id: record.person }, device: { id: record.device }, network: { address: record.from } });
    t.equal(facts.session?.id, record.session);
  }
  const [first, last] = [records[0]!, records.at(-1)!].map(({ facts }) => JSON.parse(stored.get(facts!)!));
  t.match(first.device.posture.firewallOn, { value: true, status: 'pass' });
  t.match(last.device.posture.firewallOn, { value: false, status: 'fail' }, 'each as it was then');
  const grants = await desk.db.selectFrom('grants').select('facts').execute();
  t.ok(grants.every(({ facts }) => stored.has(facts)));
  await desk.store.stop();
});
