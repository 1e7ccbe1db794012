import { chmod, chown, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Check } from 'typebox/value';
import { readAllowList } from '../../../client-agent/posture/allow-list.ts';
import { runChecks } from '../../../client-agent/posture/checks.ts';
import { createLocalHost } from '../../../client-agent/posture/local-host.ts';
import { type PostureCheck, postureCheck } from '../../../shared/contracts/posture.ts';
import { fakeHost } from './fake-host.ts';

const title = 'A check';
const listFile = '/etc/postern/commands.json';
const list = JSON.stringify({ agent: { file: '/opt/edr/status', args: ['--quiet'] } });
const world = {
  files: { [listFile]: list, '/etc/present': '', '/opt/edr/status': '' },
  dirs: { '/': [], '/etc': [], '/etc/postern': [], '/opt': [], '/opt/edr': [], '/proc': ['1', '7'] },
  runs: { '/opt/edr/status --quiet': '' },
};
const status = async (
  check: PostureCheck,
  more: Partial<Parameters<typeof fakeHost>[0]> = {},
  allowListFile = listFile,
) => (await runChecks({ host: fakeHost({ ...world, ...more }), checks: [check], allowListFile }))[0]?.status;
const command: PostureCheck = { id: 'edr', title, kind: 'command', command: 'agent' };

t.test('files, processes and commands', async (t) => {
  t.equal(await status({ id: 'a', title, kind: 'file-exists', path: '/etc/present' }), 'pass');
  t.equal(await status({ id: 'a', title, kind: 'file-exists', path: '/etc/absent' }), 'fail');
  t.equal(await status({ id: 'a', title, kind: 'file-absent', path: '/etc/present' }), 'fail');
  t.equal(await status({ id: 'a', title, kind: 'file-absent', path: '/etc/absent' }), 'pass');
  const proc = { files: { ...world.files, '/proc/7/comm': 'sshd\n' } };
  t.equal(await status({ id: 'a', title, kind: 'process-running', process: 'sshd' }, proc), 'pass');
  t.equal(await status({ id: 'a', title, kind: 'process-running', process: 'sshd' }), 'fail');
  t.equal(await status({ id: 'a', title, os: ['macos'], kind: 'file-exists', path: '/etc/present' }), undefined);
  t.equal(await status(command), 'pass');
  const failing = { ran: true, code: 3, stdout: '', stderr: '' } as const;
  t.equal(await status(command, { runs: { '/opt/edr/status --quiet': failing } }), 'fail');
});

t.test('P31: the controller cannot name a command that is not on the list, nor give one arguments', async (t) => {
  t.equal(await status({ ...command, command: 'sh' }), 'unknown');
  t.equal(await status({ ...command, command: 'constructor' }), 'unknown');
  for (const odd of [
    { ...command, args: ['-c', 'id'] },
    { ...command, command: '/bin/sh' },
    { ...command, command: 'agent; id' },
    { id: 'a', title, kind: 'file-exists', path: '../etc/shadow' },
    { id: 'a', title, kind: 'file-exists', path: '/etc/../root/x' },
    { id: 'a', title, kind: 'file-exists', path: '//server/share' },
    { id: 'a', title, kind: 'file-exists', path: '\\\\server\\share' },
    { id: 'a', title, kind: 'file-exists', path: '%APPDATA%\\x' },
    { id: 'a', title, kind: 'file-exists', path: '/home/*/x' },
    { id: 'a', title, kind: 'process-running', process: '../x' },
    { id: 'a', title, kind: 'script', command: 'agent' },
  ]) {
    t.notOk(Check(postureCheck, odd), JSON.stringify(odd));
  }
});

t.test('P31: a list or a program that others than root can change is refused', async (t) => {
  const refused = async (facts: NonNullable<Parameters<typeof fakeHost>[0]['facts']>) => {
    const host = fakeHost({ ...world, facts });
    const [result] = await runChecks({ host, checks: [command], allowListFile: listFile });
    t.equal(result?.status, 'unknown', JSON.stringify(facts));
    t.same(host.asked, [], 'nothing was run');
  };
  await refused({ [listFile]: { uid: 1000 } });
  await refused({ [listFile]: { mode: 0o664 } });
  await refused({ [listFile]: { mode: 0o646 } });
  await refused({ [listFile]: { kind: 'other' } });
  await refused({ '/etc/postern': { uid: 1000 } });
  await refused({ '/etc': { mode: 0o777 } });
  await refused({ '/opt/edr/status': { mode: 0o775 } });
  await refused({ '/opt': { uid: 1000 } });
  t.equal(await status(command, {}, '/etc/postern/../commands.json'), 'unknown');
  t.equal(await status(command, {}, 'commands.json'), 'unknown');
  t.equal((await runChecks({ host: fakeHost(world), checks: [command] }))[0]?.status, 'unknown', 'no list configured');
  t.equal(await status(command, { uid: undefined }), 'unknown', 'no owners on Windows');
  for (const bad of [
    '',
    '[]',
    '{"agent": "/bin/sh"}',
    '{"agent": {"file": "sh"}}',
    '{"agent": {"file": "/x", "args": [1]}}',
  ]) {
    t.equal(await status(command, { files: { ...world.files, [listFile]: bad } }), 'unknown', bad);
  }
});

t.test('P31: on real files', { skip: process.getuid?.() === 0 ? false : 'root is needed to own files' }, async (t) => {
  const host = createLocalHost({ clock: { now: () => Date.now() } });
  const dir = join(await mkdtemp(join(tmpdir(), 'postern-list-')), 'etc');
  await mkdir(dir);
  const file = join(dir, 'commands.json');
  await writeFile(
    file,
    '{"ok": {"file": "/usr/bin/env", "args": ["true"]}, "no": {"file": "/usr/bin/env", "args": ["false"]}}',
  );
  const checks = ['ok', 'no'].map((name) => ({ id: name, title, kind: 'command', command: name }) as const);
  const run = async () => (await runChecks({ host, checks, allowListFile: file })).map((check) => check.status);
  t.same(await run(), ['pass', 'fail']);
  await chmod(file, 0o666);
  t.same(await run(), ['unknown', 'unknown'], 'writable by all');
  await chmod(file, 0o644);
  await chown(file, 1000, 1000);
  t.same(await run(), ['unknown', 'unknown'], "a user's file");
  await chown(file, 0, 0);
  await chmod(dir, 0o777);
  t.same(await run(), ['unknown', 'unknown'], 'a directory writable by all');
  await chmod(dir, 0o755);
  const link = join(dir, 'link.json');
  await symlink(file, link);
  t.equal((await readAllowList(host, link)).ok, false, 'a symbolic link');
  t.equal((await readAllowList(host, file)).ok, true);
});
