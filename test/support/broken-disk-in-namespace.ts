/**
 * Runs inside a mount namespace of its own: started by broken-disk.test.ts. Gateway and controller each have an ext4 on a loop device, of
 * which the kernel is told that it met an error: it takes no more writes then, until somebody has repaired it.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { diskAsks } from './disk-asks.ts';
import { runTool } from './journey-tools.ts';
import { root } from './source-tree.ts';
import { steerTriangle } from './steered-triangle.ts';

t.setTimeout(240_000);
type Name = 'controller' | 'gateway';
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
const disks: Record<Name, string> = { controller: '', gateway: '' };
const mount = (name: Name) => run('mount', '-o', 'loop,errors=remount-ro', `${disks[name]}.img`, disks[name]);
const triangle = await steerTriangle(
  t,
  {},
  {
    controller: { disk: { reserveBytes: 4 * 1024 * 1024 } },
    gateway: { spool: { reserveBytes: 2 * 1024 * 1024 } },
    prepare(state) {
      for (const name of ['controller', 'gateway'] as const) {
        disks[name] = state.path(name);
        run('truncate', '-s', '32m', `${disks[name]}.img`);
        run('mkfs.ext4', '-q', `${disks[name]}.img`);
        mount(name);
        t.teardown(() => run('umount', '-l', disks[name]));
      }
    },
  },
);
const since = Date.now() - 1000;
const { ask, until, allAreTold } = diskAsks(triangle, since);
const ctl = (...args: string[]) => runTool(join(root, 'bin/posternctl'), ['--socket', triangle.adminSocket, ...args]);
const breakDisk = (name: Name) => {
  const device = basename(run('findmnt', '-no', 'SOURCE', disks[name]));
  writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'a test');
};
async function repair(name: Name): Promise<void> {
  await triangle.end(name, 'SIGTERM');
  run('umount', disks[name]);
  // 1: errors were corrected.
  const { code, stdout } = await runTool('fsck.ext4', ['-f', '-y', `${disks[name]}.img`]);
  if (code !== 0 && code !== 1) throw new Error(`fsck: ${code} ${stdout}`);
  mount(name);
  await triangle.start(name);
}

t.test('the disk of the gateway breaks', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  breakDisk('gateway');
  await until('record-failed', 'emil', 'wiki', '/pages/home');
  t.pass('no record, no access');
  await repair('gateway');
  await until('ok', 'emil', 'wiki', '/pages/home');
  t.pass('repaired, it serves again');
});

t.test('the disk of the controller breaks', async (t) => {
  await until('ok', 'emil', 'wiki', '/pages/home');
  breakDisk('controller');
  await until('disk-failed', 'emil', 'payroll', '/');
  t.equal((await ask('emil', 'wiki', '/pages/home')).status, 200, 'what was granted is good to its end');
  t.match(await ctl('status'), { code: 1, stdout: /! The disk of the controller takes nothing/ });
  await repair('controller');
  await until('ok', 'olivia', 'payroll', '/');
  t.pass('repaired, it serves again');
});

t.test('nothing is corrupt, and everything that was let in is in the log once', async (t) => {
  await allAreTold(4);
  const verified = await ctl('log', 'verify');
  t.equal(verified.code, 0, verified.stdout + verified.stderr);
  const files = readdirSync(join(disks.controller, 'log'), { recursive: true }).map(String);
  t.same(
    files.filter((name) => name.endsWith('.new')),
    [],
    'no half of a tile',
  );
});
