/** Runs inside a mount namespace of its own: started by full-disk.test.ts. Gateway and controller each have a small disk. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { configFile } from '../../deploy/quickstart/configs.ts';
import { diskAsks } from './disk-asks.ts';
import { runTool } from './journey-tools.ts';
import { openStream } from './open-streams.ts';
import { root } from './source-tree.ts';
import { steerTriangle } from './steered-triangle.ts';

t.setTimeout(240_000);
const mb = 1024 * 1024;
const disks: Record<'controller' | 'gateway', string> = { controller: '', gateway: '' };
const triangle = await steerTriangle(
  t,
  {},
  {
    controller: { disk: { reserveBytes: 4 * mb } },
    gateway: { spool: { reserveBytes: 2 * mb } },
    prepare(state) {
      for (const name of ['controller', 'gateway'] as const) {
        disks[name] = state.path(name);
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', disks[name]]);
        t.teardown(() => execFileSync('umount', ['-l', disks[name]]));
      }
    },
  },
);
const { admin, state } = triangle;
const since = Date.now() - 1000;
const { ask, until, allAreTold, untilTold } = diskAsks(triangle, since);
const ctl = (...args: string[]) => runTool(join(root, 'bin/posternctl'), ['--socket', triangle.adminSocket, ...args]);
const why = (app: string) =>
  runTool(join(root, 'bin/postern'), ['why', app, '--dir', join(state.dir, 'agents/emil/profile')]);

/** What anything else on the host may do: take every byte there is. */
function fill(name: 'controller' | 'gateway'): void {
  const fd = openSync(join(disks[name], 'filler'), 'a');
  const chunk = Buffer.alloc(64 * 1024, 1);
  try {
    for (;;) writeSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
}
const makeRoom = (name: 'controller' | 'gateway') => rmSync(join(disks[name], 'filler'));

t.test('the disk of the gateway is full', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  const running = await openStream(triangle, 'emil', 'events');
  fill('gateway');
  await until('record-failed', 'emil', 'wiki', '/pages/home');
  t.pass('no record, no access, and the employee reads why');
  const told = await ask('emil', 'wiki', '/pages/home');
  t.match(JSON.parse(told.text), { title: 'The access cannot be recorded, so it is not given.', next: 'retry' });
  t.match((await why('wiki')).stdout, /cannot be recorded/, 'postern why says it');
  await running.runsOn();
  t.pass('what ran runs on');
  await untilItWorks(async () => {
    const { stdout } = await ctl('status');
    if (!stdout.includes('fresh, gives no access')) throw new Error(`status does not show it: ${stdout}`);
    if (!/! Gateway \S+ gives no access since .*: the disk has \d+ bytes left/.test(stdout)) throw new Error(stdout);
  });
  t.pass('posternctl status shows it while it lasts');
  const grant = (await admin.grants({})).items.find(({ app }) => app === 'live');
  const cut = await admin.revoke({ body: { kind: 'grant', id: grant!.id } });
  await running.ended;
  t.match(cut, { complete: true, gateways: [{ state: 'applied', streamsCut: 1 }] }, 'and is cut when it is taken back');
  t.match(triangle.logOf('gateway'), /no access is given: it cannot be recorded|the spool cannot be written/);
  makeRoom('gateway');
  await until('ok', 'emil', 'wiki', '/pages/home');
  t.pass('room is all it needs');
  await untilItWorks(async () => {
    if ((await ctl('status')).stdout.includes('gives no access')) throw new Error('status shows it still');
  });
  await untilItWorks(async () => {
    const { records } = await admin.records({ query: { reason: 'record-failed', from: since } });
    if (records.length === 0) throw new Error('the refusals are not in the log');
  });
  t.pass('the log tells of the refusals');
});

t.test('the disk of the controller is full', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  fill('controller');
  await untilItWorks(async () => {
    if (!(await admin.status({})).disk.short) throw new Error('it has room');
  });
  const payroll = await ask('emil', 'payroll', '/');
  t.match(JSON.parse(payroll.text), { code: 'disk-full', next: 'retry' }, 'nothing new is granted, and it says why');
  t.equal((await ask('emil', 'wiki', '/pages/home')).status, 200, 'what was granted is good to its end');
  t.match((await why('payroll')).stdout, /disk of the controller is full/, 'postern why says it');
  const screen = await ctl('status');
  t.equal(screen.code, 1);
  t.match(screen.stdout, /! The disk of the controller has \d+ MB left: .*posternctl log prune/);
  await until('ok', 'olivia', 'payroll', '/');
  t.pass('an owner is served');
  const cut = await admin.revoke({ body: { kind: 'person', id: 'audrey', because: 'left' } });
  t.ok(cut.complete, 'revoking works');
  t.equal((await ask('emil', 'wiki', '/pages/home')).status, 200);
  await admin.pruneRecords({ body: { before: Date.now() - 25 * 3_600_000 } });
  await triangle.signIn('olivia');
  t.pass('an owner signs in');
  makeRoom('controller');
  await until('ok', 'emil', 'payroll', '/');
  t.pass('room is all it needs');
  t.equal((await admin.status({})).disk.short, false);
});

t.test('not even the reserve of the controller is left', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  fill('controller');
  await untilItWorks(async () => {
    if (!(await admin.status({})).disk.short) throw new Error('it has room');
  });
  // What the reserve gave back, and each page that is freed meanwhile.
  const again = setInterval(() => fill('controller'), 20);
  t.teardown(() => clearInterval(again));
  fill('controller');
  await t.rejects(
    admin.putSite({ params: { id: 'attic' }, body: { name: 'Attic' } }),
    { code: /^disk-f/ },
    'not even an owner',
  );
  t.equal((await ask('emil', 'wiki', '/pages/home')).status, 200, 'what was granted is good to its end');
  const screen = await ctl('status');
  t.match(screen.stdout, /! The disk of the controller/, 'who asks is told');
  clearInterval(again);
  makeRoom('controller');
  await until('ok', 'emil', 'payroll', '/');
  await untilItWorks(() => admin.putSite({ params: { id: 'attic' }, body: { name: 'Attic' } }));
  t.pass('room is all it needs');
});

t.test('everything is in the log once, and the log verifies', async (t) => {
  await allAreTold(6);
  await untilTold('gateway', 'paused');
  await untilTold('log', 'paused');
  const verified = await ctl('log', 'verify');
  t.equal(verified.code, 0, verified.stdout + verified.stderr);
  const files = readdirSync(join(disks.controller, 'log'), { recursive: true }).map(String);
  t.ok(files.some((name) => name.includes('tile')));
  t.same(
    files.filter((name) => name.endsWith('.new')),
    [],
    'no half of a tile',
  );
});

for (const name of ['gateway', 'controller'] as const) {
  t.test(`the ${name} starts on a read-only disk`, async (t) => {
    await triangle.end(name, 'SIGKILL');
    execFileSync('mount', ['-o', 'remount,ro', disks[name]]);
    const args = [`${name}/main.ts`, 'run', '--config', configFile(state, name)];
    const { code, stderr } = await runTool(process.execPath, args);
    t.not(code, 0, 'it does not run without what it must keep');
    t.match(stderr, /read-only/, 'and says why');
    execFileSync('mount', ['-o', 'remount,rw', disks[name]]);
    await triangle.start(name);
    await until('ok', 'emil', 'wiki', '/pages/home');
  });
}
