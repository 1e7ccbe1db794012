/**
 * Runs inside a mount namespace of its own: started by read-only-disk.test.ts. The disks of gateway and controller become read-only while
 * both run and have their files open, and writable again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { diskAsks } from './disk-asks.ts';
import { runTool } from './journey-tools.ts';
import { openStream } from './open-streams.ts';
import { root } from './source-tree.ts';
import { steerTriangle } from './steered-triangle.ts';

t.setTimeout(240_000);
type Name = 'controller' | 'gateway';
const disks: Record<Name, string> = { controller: '', gateway: '' };
const switches: Record<Name, string> = { controller: '', gateway: '' };
const mounts: ChildProcess[] = [];
const triangle = await steerTriangle(
  t,
  {},
  {
    controller: { disk: { reserveBytes: 4 * 1024 * 1024 } },
    prepare(state) {
      for (const name of ['controller', 'gateway'] as const) {
        disks[name] = state.path(name);
        const below = state.path(`below-${name}`);
        switches[name] = state.path(`read-only-${name}`);
        mkdirSync(below);
        const args = [join(root, 'test/support/switchable-disk.py'), below, disks[name], switches[name]];
        mounts.push(spawn('/usr/bin/python3', args, { stdio: ['pipe', 'ignore', 'inherit'] }));
        const from = statSync(disks[name]).dev;
        for (let waited = 0; statSync(disks[name]).dev === from; waited += 50) {
          if (waited > 10_000) throw new Error('the disk was not mounted');
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
        }
      }
    },
  },
);
t.teardown(() => {
  for (const mount of mounts) mount.stdin?.end();
});
const { admin } = triangle;
const since = Date.now() - 1000;
const { ask, until, allAreTold, untilTold } = diskAsks(triangle, since);
const readOnly = (name: Name) => writeFileSync(switches[name], '');
const writable = (name: Name) => rmSync(switches[name]);
const ctl = (...args: string[]) =>
  runTool(join(root, 'bin/posternctl'), ['--socket', triangle.adminSocket, '--reason', 'test', ...args]);
const postern = (...args: string[]) =>
  runTool(join(root, 'bin/postern'), [...args, '--dir', join(triangle.state.dir, 'agents/emil/profile')]);

t.test('the disk of the gateway becomes read-only', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  const running = await openStream(triangle, 'emil', 'events');
  readOnly('gateway');
  await until('record-failed', 'emil', 'wiki', '/pages/home');
  const told = await ask('emil', 'wiki', '/pages/home');
  t.match(JSON.parse(told.text), { title: 'The access cannot be recorded, so it is not given.', next: 'retry' });
  const why = await postern('why', 'wiki');
  t.match(why.stdout, /cannot be recorded/, 'postern why says it');
  await running.runsOn();
  t.pass('what ran runs on');
  await untilItWorks(async () => {
    const { stdout } = await ctl('status');
    if (!/gives no access since .*: the spool cannot be written \(EROFS\)/.test(stdout)) throw new Error(stdout);
  });
  t.pass('posternctl status shows it while it lasts');
  const grant = (await admin.grants({})).items.find(({ app }) => app === 'live');
  const cut = await admin.revoke({ body: { kind: 'grant', id: grant!.id } });
  await running.ended;
  t.match(cut, { complete: true, gateways: [{ state: 'applied', streamsCut: 1 }] }, 'and is cut when it is taken back');
  writable('gateway');
  await until('ok', 'emil', 'wiki', '/pages/home');
  t.pass('nothing had to be restarted');
  await untilItWorks(async () => {
    const { records } = await admin.records({ query: { reason: 'record-failed', from: since } });
    if (records.length === 0) throw new Error('the refusals are not in the log');
  });
  await untilTold('gateway', 'paused');
});

t.test('the disk of the controller becomes read-only', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  const running = await openStream(triangle, 'emil', 'events');
  readOnly('controller');
  await until('disk-failed', 'emil', 'payroll', '/');
  const told = await ask('emil', 'payroll', '/');
  t.match(JSON.parse(told.text), { title: 'The disk of the controller takes nothing just now.', next: 'retry' });
  t.equal((await ask('emil', 'wiki', '/pages/home')).status, 200, 'what was granted is good to its end');
  const screen = await ctl('status');
  t.equal(screen.code, 1);
  t.match(screen.stdout, /! The disk of the controller takes nothing/);
  t.match((await postern('why', 'payroll')).stdout, /takes nothing just now/, 'postern why says it');
  t.match(await ctl('lift', 'person', 'audrey'), { code: 1, stderr: /takes nothing just now/ });
  await running.runsOn();
  const emergency = await ctl('revoke', 'person', 'emil');
  await running.ended;
  t.match(emergency, {
    code: 1,
    stdout: /^NOT KEPT: .*\n.*\ngateway \S+: applied after \d+ ms, [1-9]\d* streams? cut/,
  });
  t.match(emergency.stderr, /Do it again once the disk takes writes/);
  await until('disk-failed', 'emil', 'wiki', '/pages/home');
  t.pass('what ran is cut, and what was granted is good for nothing');
  t.match((await ctl('revoke', 'person', 'nobody')).stderr, /There is no such person/, 'a wrong name is no cut');
  t.match((await ctl('status')).stdout, /! At \S+ person emil was cut while the disk took nothing, which is not kept/);
  writable('controller');
  await until('ok', 'olivia', 'payroll', '/');
  t.pass('nothing had to be restarted');
  t.match(await ctl('revoke', 'person', 'audrey'), { code: 0 });
  await untilTold('revocation', 'cut-unkept');
  t.match(await ctl('revoke', 'person', 'emil'), { code: 0 }, 'and is made again');
  await triangle.signIn('olivia');
  await untilTold('log', 'paused');
  // Looked at once a second, whatever was written meanwhile.
  await untilItWorks(async () => {
    const { stdout } = await ctl('status');
    if (/takes nothing|not kept/.test(stdout)) throw new Error(stdout);
  });
  t.pass('status no longer says so');
});

t.test('everything is in the log once, and the log verifies', async (t) => {
  await allAreTold(5);
  const verified = await ctl('log', 'verify');
  t.equal(verified.code, 0, verified.stdout + verified.stderr);
  const halves = readdirSync(join(disks.controller, 'log'), { recursive: true }).filter((name) =>
    String(name).endsWith('.new'),
  );
  t.same(halves, [], 'no half of a tile');
});
