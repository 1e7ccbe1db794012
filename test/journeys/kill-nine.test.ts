/**
 * `kill -9` of each process at random moments under load: everything comes back, nobody gets what was taken from them, and the log
 * tells each access exactly once and verifies. `npm run chaos -- --moments 100 --seed S` is the long form; the seed is printed.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { randomId } from '#shared/base/bytes.ts';
import { alarms } from '#shared/contracts/record-events.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { AdminChanges } from '../chaos/admin-changes.ts';
import { complain, settledRecords } from '../chaos/check-records.ts';
import { makeDice } from '../chaos/dice.ts';
import { gatewayIsBack, killAtMoments } from '../chaos/kills.ts';
import { LedgerApps } from '../chaos/ledger-apps.ts';
import { Load, loadApp } from '../chaos/load.ts';
import { tellOpen } from '../chaos/tell-open.ts';
import { runTool } from '../support/journey-tools.ts';
import { root } from '../support/source-tree.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const moments = Number(process.env['POSTERN_CHAOS_MOMENTS'] ?? 20);
const seed = process.env['POSTERN_SEED'] ?? randomId(8);
t.setTimeout(90_000 + moments * 12_000);
t.comment(`POSTERN_SEED=${seed} POSTERN_CHAOS_MOMENTS=${moments} brings these moments back`);

const apps = new LedgerApps();
const ports = await apps.start();
t.teardown(() => apps.stop());
const triangle = await steerTriangle(t, {}, { gateway: { workers: 2 } });
const { admin } = triangle;
await admin.putApp({
  params: { id: loadApp },
  body: {
    id: loadApp,
    name: 'Ledger',
    kind: 'http',
    site: 'main',
    hosts: ['ledger.corp.internal'],
    upstream: `http://127.0.0.1:${ports.http}`,
    groups: ['everyday'],
    grantSeconds: 20,
  },
});
await triangle.describe((bundle) => ({
  ...bundle,
  apps: bundle.apps!.map((app) => (app.id === 'echo' ? { ...app, upstream: `127.0.0.1:${ports.tcp}` } : app)) as never,
}));
for (const id of ['emil', 'olivia', 'audrey'] as const)
  await admin.putPerson({ params: { id }, body: { groups: ['engineers'] } });

/** Asked when everything is back: once it is told, what came before it is. */
const last = '/r/emil/last';
const since = Date.now() - 1000;
const dice = makeDice(seed);
const say = (line: string) => t.comment(line);
const load = new Load(triangle, ['emil', 'olivia', 'audrey']);
const changes = new AdminChanges({ triangle, apps, dice: makeDice(`${seed} admin`), say });
const half = Math.floor(moments / 2);
const killed = await killAtMoments({ triangle, dice, say }, half);
await changes.revokeForGood('audrey');
for (const [victim, count] of await killAtMoments({ triangle, dice, say }, moments - half))
  killed.set(victim, (killed.get(victim) ?? 0) + count);
await changes.stop();
await load.stop();
await gatewayIsBack(triangle);

t.test('everything is back and serves', async (t) => {
  t.comment(`killed: ${[...killed].map(([name, count]) => `${name} ${count}`).join(', ')}`);
  t.comment(`answers: ${[...load.answers].map(([what, count]) => `${what} ${count}`).join(', ')}`);
  await untilItWorks(async () => {
    const ask = { port: triangle.portalPort('emil'), app: loadApp, path: last };
    const { status, text } = await askThroughAgent(ask);
    if (status !== 200) throw new Error(text);
  });
  t.ok(load.served.length > moments * 5, `${load.served.length} requests were served meanwhile`);
  const { status } = await askThroughAgent({ port: triangle.portalPort('audrey'), app: loadApp, path: '/r/audrey/no' });
  t.equal(status, 401, 'whoever was revoked is still out');
});

t.test('P24, P16: the log tells each access once, and nobody got what was taken back', async (t) => {
  const records = await settledRecords(admin, since, last, (open) => {
    for (const line of tellOpen(open, { triangle, load, apps, ports })) t.comment(line);
  });
  const { arrivals } = apps;
  const { windows } = changes;
  t.comment(`${records.length} records, ${arrivals.length} arrivals, ${windows.length} times taken back and confirmed`);
  t.ok(windows.length > 1, 'what was taken back was confirmed');
  const complaints = complain({ records, arrivals, windows, served: load.served });
  t.strictSame(complaints.slice(0, 20), [], `${complaints.length} complaints`);
  const { records: told } = await admin.records({ query: { kind: 'log,gateway', from: since, limit: 1000 } });
  t.strictSame(
    told.filter(({ event }) => alarms.has(event ?? '')),
    [],
    'no record was rewritten or lost',
  );
});

t.test('P24: every leaf of the log hashes into its tree, and its tiles, columns and checkpoint agree', async (t) => {
  const tool = ['--socket', triangle.adminSocket, 'log', 'verify', '--json'];
  const { code, stdout, stderr } = await runTool(join(root, 'bin/posternctl'), tool);
  t.equal(code, 0, stderr);
  const { size, faults } = JSON.parse(stdout) as { size: number; faults: unknown[] };
  t.comment(`${size} leaves`);
  t.ok(size > moments * 10, 'with all of the load in it');
  t.same(faults, []);
});

t.test('P13: nothing went back behind what was answered, and no number is past the counter', async (t) => {
  t.strictSame(changes.wentBack, []);
  const { change, epoch } = await admin.status({});
  t.ok(change >= changes.answered.change);
  t.ok(epoch >= changes.answered.epoch);
  t.match(await admin.cut({ params: { change } }), { complete: true }, 'every gateway has confirmed the last');
  const db = new DatabaseSync(triangle.state.path('controller', 'controller.db'), { readOnly: true });
  t.teardown(() => db.close());
  const one = (sql: string) => Object.values(db.prepare(sql).get() ?? {})[0];
  t.equal(one('PRAGMA integrity_check'), 'ok');
  const counter = Number(one('SELECT n FROM change_counter'));
  t.ok(Number(one('SELECT max(n) FROM changes')) <= counter);
  t.ok(Number(one('SELECT max(n) FROM revocations')) <= counter);
  t.equal(one('SELECT count(*) FROM policy_versions WHERE in_force = 1'), 1);
});
