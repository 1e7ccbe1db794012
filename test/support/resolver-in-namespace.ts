/** Runs in namespaces of its own, as root there, with a systemd-resolved of its own: started by resolver.test.ts. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode, encode } from 'dns-packet';
import t from 'tap';
import { dig } from './dns-client.ts';
import { findProgram } from './programs.ts';
import { root } from './source-tree.ts';

const zone = 'sdp.example.com';
t.setTimeout(240_000);
const dir = t.testdir();
const run = (file: string, ...words: string[]) => execFileSync(file, words, { encoding: 'utf8', timeout: 20_000 });
const children: ChildProcess[] = [];
t.teardown(() => children.forEach((child) => void child.kill('SIGKILL')));

function start(file: string, words: readonly string[], uid?: number): ChildProcess {
  const as = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'inherit'], ...as });
  children.push(child);
  return child;
}

/** A host as systemd makes it: its own /run, the two users, a bus. */
function makeHost(): void {
  run('mount', '-t', 'tmpfs', 'tmpfs', '/run');
  // The one from outside shows the links of outside.
  run('mount', '-t', 'sysfs', 'sysfs', '/sys');
  for (const path of ['/run/dbus', '/run/systemd/resolve', '/run/systemd/netif/links'])
    mkdirSync(path, { recursive: true });
  for (const [file, line] of [
    ['passwd', 'systemd-resolve:x:994:994::/:/usr/sbin/nologin\n'],
    ['group', 'systemd-resolve:x:994:\n'],
  ] as const) {
    const copy = join(dir, file);
    copyFileSync(`/etc/${file}`, copy);
    if (!readFileSync(copy, 'utf8').includes('systemd-resolve:')) appendFileSync(copy, line);
    run('mount', '--bind', copy, `/etc/${file}`);
  }
  const uid = Number(/^systemd-resolve:x:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))![1]);
  const gid = Number(/^systemd-resolve:x:\d+:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))![1]);
  chownSync('/run/systemd/resolve', uid, gid);
  mkdirSync('/run/systemd/resolved.conf.d');
  writeFileSync('/run/systemd/resolved.conf.d/world.conf', '[Resolve]\nDNS=127.0.0.9\nFallbackDNS=\n');
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 127.0.0.53\n');
  run('mount', '--bind', join(dir, 'resolv.conf'), '/etc/resolv.conf');
  writeFileSync(
    join(dir, 'bus.conf'),
    `<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>`,
  );
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The server of the rest of the world: knows every name, and remembers what it was asked. */
const asked: string[] = [];
const world = createSocket('udp4').bind(53, '127.0.0.9');
await once(world, 'listening');
t.teardown(() => world.close());
world.on('message', (bytes, from) => {
  const { id, questions, additionals } = decode(bytes);
  const { name, type } = questions![0]!;
  asked.push(name.toLowerCase());
  const answers = type === 'A' ? [{ type: 'A' as const, name, ttl: 0, data: '192.0.2.7' }] : [];
  world.send(
    encode({ type: 'response', id: id!, flags: 0x0180, questions: questions!, answers, additionals: additionals! }),
    from.port,
    from.address,
  );
});

makeHost();
// Without any link but loopback resolved asks nobody at all.
run('ip', 'link', 'add', 'net0', 'type', 'veth', 'peer', 'name', 'net1');
run('ip', 'addr', 'add', '198.51.100.2/24', 'dev', 'net0');
for (const name of ['net0', 'net1']) run('ip', 'link', 'set', name, 'up');
start('dbus-daemon', [`--config-file=${join(dir, 'bus.conf')}`, '--nofork', '--nopidfile']);
await until('the bus', () => existsSync('/run/dbus/system_bus_socket'));
start(findProgram('systemd-resolved')!, []);
const resolvectl = (...words: string[]) =>
  promisify(execFile)('resolvectl', ['--no-pager', ...words], { timeout: 5000 });
await until('systemd-resolved', () =>
  resolvectl('status').then(
    () => true,
    () => false,
  ),
);

const lookUp = async (name: string) => {
  const text = await dig(53, [name], { address: '127.0.0.53' });
  return /IN[ \t]+A[ \t]+(\d\S+)/.exec(text)?.[1] ?? /status: (\w+)/.exec(text)?.[1];
};
const postern = async (...words: string[]) => {
  const line = [join(root, 'client-agent/main.ts'), ...words];
  return promisify(execFile)(process.execPath, line, { encoding: 'utf8' })
    .then(({ stdout }) => ({ code: 0, stdout }))
    .catch((error: { code: number; stdout: string; stderr: string }) => error);
};
const agentUid = 4711;
const startAgent = async (uid = agentUid) => {
  const child = start(process.execPath, [join(root, 'test/support/serve-dns.ts'), zone, '7053', `wiki.${zone}`], uid);
  await once(child.stdout!, 'data');
  return child;
};
const startHold = async () => {
  const words = ['dns', 'hold', '--json', '--zone', zone, '--uid', String(agentUid)];
  const child = start(process.execPath, [join(root, 'client-agent/main.ts'), ...words]);
  await once(child.stdout!, 'data');
  return child;
};
const kill = async (child: ChildProcess, signal: NodeJS.Signals) => {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
};
const isHeld = () => existsSync('/run/postern-dns/dns.json');
const isChanged = () => existsSync('/sys/class/net/postern0');
const asBefore = async (t: Tap, why: string) => {
  await until(why, () => !isChanged() && !isHeld());
  t.equal(await lookUp(`wiki.${zone}`), '192.0.2.7', why);
  t.notMatch((await resolvectl('status')).stdout, /7053|postern0/, why);
};
type Tap = Pick<typeof t, 'equal' | 'notMatch'>;

t.test('without the agent nothing is changed', async (t) => {
  t.equal(await lookUp(`wiki.${zone}`), '192.0.2.7');
  t.match(await postern('dns', 'status', '--json'), { code: 0, stdout: /"changed":false/ });
});

t.test('who is not root is told what to do, and changes nothing', async (t) => {
  const line = [join(root, 'client-agent/main.ts'), 'dns', 'hold', '--zone', zone];
  const refused = promisify(execFile)(process.execPath, line, { uid: agentUid, gid: agentUid, cwd: '/', env: {} });
  await t.rejects(refused, { code: 1, stderr: /needs root: sudo postern dns hold/ });
  t.notOk(isChanged());
});

t.test('the split and its privacy; the agent is killed; it comes back', async (t) => {
  const hold = await startHold();
  t.notOk(isChanged(), 'no agent, no change');
  const agent = await startAgent();
  await until('held', async () => isHeld() && (await lookUp(`wiki.${zone}`)) === '127.0.0.1');
  asked.length = 0;
  t.equal(await lookUp(`wiki.${zone}`), '127.0.0.1');
  t.equal(await lookUp(`pay.${zone}`), 'NXDOMAIN');
  t.equal(await lookUp('www.example.org'), '192.0.2.7', 'every other name as always');
  t.strictSame([...new Set(asked)], ['www.example.org'], 'no name of the zone has left this host');
  t.match(await postern('dns', 'status', '--json'), { code: 0, stdout: /"agent":true/ });
  await kill(agent, 'SIGKILL');
  await asBefore(t, 'after kill -9 of the agent');
  const again = await startAgent();
  await until('held again', isHeld);
  await kill(hold, 'SIGTERM');
  await asBefore(t, 'after the end of hold');
  await kill(again, 'SIGTERM');
});

t.test('hold is killed: the next one, restore and uninstall take back what it left', async (t) => {
  const agent = await startAgent();
  for (const by of ['next', 'restore', 'uninstall']) {
    const hold = await startHold();
    await until('held', () => isHeld() && isChanged());
    await until('asked', async () => (await lookUp(`wiki.${zone}`)) === '127.0.0.1');
    await kill(hold, 'SIGKILL');
    t.ok(isChanged());
    if (by === 'next') {
      const next = await startHold();
      await until('held by the next', async () => isHeld() && (await lookUp(`wiki.${zone}`)) === '127.0.0.1');
      await kill(next, 'SIGTERM');
    } else t.match(await postern('dns', by), { code: 0, stdout: /as it was/ });
    await asBefore(t, `after kill -9 of hold, by ${by}`);
  }
  await kill(agent, 'SIGTERM');
});

t.test('a DNS server of another user at the address of the agent is not asked', async (t) => {
  const hold = await startHold();
  const other = await startAgent(4712);
  // Two looks of hold and more.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.notOk(isChanged());
  t.equal(await lookUp(`wiki.${zone}`), '192.0.2.7');
  await kill(other, 'SIGTERM');
  await kill(hold, 'SIGTERM');
});
