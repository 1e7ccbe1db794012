import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readCsr } from '#shared/crypto/csr.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';
import { type Enrolment, Keystore } from '../../../client-agent/keystore/keystore.ts';
import { profilePath } from '../../../client-agent/keystore/profile-directory.ts';
import { isAlive, startOf } from '../../../client-agent/keystore/profile-lock.ts';
import { makeTestCa, type TestCa } from '../../support/test-ca.ts';

const ca: TestCa = await makeTestCa();
const modeOf = (path: string) => statSync(path).mode & 0o777;

async function enrolled(keystore: Keystore): Promise<Enrolment> {
  const key = keystore.makeKey();
  const { certificate, chain, bundle } = await ca.issue(readCsr(key.csr), 'device', 'dev_00000001');
  const enrolment: Enrolment = {
    v: 1,
    key: key.file,
    device: 'dev_00000001',
    state: 'active',
    person: { id: 'alice', name: 'Alice' },
    organisation: 'Example',
    fingerprint: '1a2b',
    firstFactors: false,
    trustDomain: ca.trustDomain,
    certificate,
    chain: [...chain],
    bundle: [...bundle],
    controllers: ['127.0.0.1:1'],
    bootstrap: ['127.0.0.1:2'],
  };
  keystore.save(enrolment);
  return enrolment;
}

function open(t: Test, path: string): Keystore {
  const keystore = new Keystore(path);
  t.teardown(() => keystore.close());
  return keystore;
}

t.test("directory and files are this user's alone, and survive a restart", async (t) => {
  const path = join(t.testdir(), 'a', 'profile');
  const first = new Keystore(path);
  t.equal(first.isEnrolled(), false);
  t.throws(() => first.enrolment, { code: 'invalid-config' });
  const enrolment = await enrolled(first);
  first.writeSession({ id: 'ses_00000001', secret: 's', endsAt: 5, lastActiveAt: 1 });
  const { jkt } = first;
  t.equal(modeOf(path), 0o700);
  for (const name of readdirSync(path)) t.equal(modeOf(join(path, name)), 0o600, name);
  first.close();
  t.equal(existsSync(join(path, 'agent.lock')), false);

  const second = open(t, path);
  t.same(second.enrolment, enrolment);
  t.equal(second.jkt, jkt);
  t.equal(keyThumbprint(readCsr(second.csr())), jkt, 'renewal asks with the same key');
  t.match(second.readSession(), { id: 'ses_00000001', secret: 's' });
  second.writeSession(undefined);
  t.equal(second.readSession(), undefined);
});

t.test('what others could read or change is refused', async (t) => {
  const path = join(t.testdir(), 'profile');
  const first = new Keystore(path);
  const { key } = await enrolled(first);
  first.close();
  for (const [name, mode, right] of [
    ['', 0o750, 0o700],
    [key, 0o640, 0o600],
    ['enrolment.json', 0o606, 0o600],
  ] as const) {
    chmodSync(join(path, name), mode);
    t.throws(() => new Keystore(path), { code: 'invalid-config', message: /open to other users \(mode/ }, name);
    chmodSync(join(path, name), right);
  }
  t.equal(existsSync(join(path, 'agent.lock')), false, 'a refused start leaves no lock');
  open(t, path);
});

t.test('a damaged profile says so, and never quotes what it holds', async (t) => {
  const path = join(t.testdir(), 'profile');
  const keystore = new Keystore(path);
  await enrolled(keystore);
  keystore.directory.write('session.json', '{"secret":"hunter2"');
  t.throws(() => keystore.readSession(), { code: 'invalid-config', message: /^(?!.*hunter2).*damaged/ });
  keystore.close();
  writeFileSync(join(path, 'enrolment.json'), '{"v":2}', { mode: 0o600 });
  t.throws(() => new Keystore(path), { code: 'invalid-config', message: /damaged or of another version/ });
});

t.test('a new key takes over with its certificate in one step', async (t) => {
  const keystore = open(t, join(t.testdir(), 'profile'));
  const before = await enrolled(keystore);
  const { jkt } = keystore;
  const key = keystore.makeKey();
  t.equal(keystore.jkt, jkt, 'made, not in use');
  keystore.save({ ...before, key: key.file });
  t.equal(keystore.jkt, key.jkt);
  t.equal(existsSync(keystore.directory.file(before.key)), false, 'the old key is gone');
});

t.test('one process per profile', async (t) => {
  const path = join(t.testdir(), 'profile');
  const lock = join(path, 'agent.lock');
  const first = new Keystore(path);
  t.throws(() => new Keystore(path), { code: 'conflict', message: new RegExp(`process ${process.pid} `) });
  first.close();
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  for (const [name, text] of [
    ['a process that is gone', JSON.stringify({ pid, started: '1' })],
    ['our number, another process', JSON.stringify({ pid: process.pid, started: '1' })],
    ['cut short', '{"pid":'],
  ] as const) {
    writeFileSync(lock, text, { mode: 0o600 });
    const taken = new Keystore(path);
    t.match(JSON.parse(readFileSync(lock, 'utf8')), { pid: process.pid }, name);
    taken.close();
  }
});

t.test('profiles live where XDG says', async (t) => {
  t.equal(profilePath('work', { HOME: '/home/a' }), '/home/a/.config/postern/work');
  t.equal(profilePath('work', { HOME: '/home/a', XDG_CONFIG_HOME: '/x' }), '/x/postern/work');
  t.equal(profilePath('work', { HOME: '/home/a', XDG_CONFIG_HOME: 'x' }), '/home/a/.config/postern/work');
  for (const name of ['../up', '', 'A', 'a/b']) t.throws(() => profilePath(name, {}), { code: 'invalid-config' });
  const path = join(t.testdir(), 'file');
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '');
  t.throws(() => new Keystore(path), { code: 'invalid-config' });
});

t.test(
  'a holder that was killed and that its parent takes no notice of is gone',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const parent = spawn('sh', ['-c', 'read line <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    t.teardown(() => void parent.kill('SIGKILL'));
    const pid = Number(String((await once(parent.stdout!, 'data'))[0]));
    const holder = { pid, started: startOf(pid) ?? '' };
    t.equal(isAlive(holder), true);
    // Until then the shell would still take notice.
    const isAsleep = () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n';
    for (let turn = 0; turn < 500 && !isAsleep(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill(pid, 'SIGKILL');
    for (let turn = 0; turn < 200 && isAlive(holder); turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    t.equal(isAlive(holder), false);
    t.equal(startOf(pid), holder.started, 'though the kernel still lists it');
  },
);
