/** What is changed in each system, as recorded; and that it is whole or not at all, and taken back to the letter. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { applyPlan, takeBack } from '../../../client-agent/resolver/apply-plan.ts';
import { journalPath, readJournal } from '../../../client-agent/resolver/change-journal.ts';
import { choosePlan } from '../../../client-agent/resolver/choose-plan.ts';
import { holdResolver } from '../../../client-agent/resolver/hold-resolver.ts';
import { installUnit, removeUnit, requireRootOnly, unitText } from '../../../client-agent/resolver/hold-unit.ts';
import type { Plan, Wanted } from '../../../client-agent/resolver/plan.ts';
import { planNrpt } from '../../../client-agent/resolver/plan-nrpt.ts';
import { planResolved } from '../../../client-agent/resolver/plan-resolved.ts';
import { planResolverFiles } from '../../../client-agent/resolver/plan-resolver-files.ts';
import type { System } from '../../../client-agent/resolver/system.ts';

const wanted: Wanted = { zones: ['sdp.example.com', 'lab.example'], server: { host: '127.0.0.1', port: 7053 } };

/** Records what is run; `codes` says how a command that begins so ends, 0 unless told. */
function fakeSystem(root: string, platform: NodeJS.Platform, codes: Record<string, number> = {}) {
  const ran: string[] = [];
  const system: System = {
    platform,
    root,
    run: async (command) => {
      const line = command.join(' ');
      ran.push(line);
      const code = Object.entries(codes).find(([start]) => line.startsWith(start))?.[1] ?? 0;
      return { code, said: code === 0 ? '' : 'no such thing' };
    },
  };
  return { system, ran };
}

t.test('systemd-resolved: a link of our own, never a server for everything', async (t) => {
  const { system, ran } = fakeSystem(t.testdir(), 'linux');
  await applyPlan(system, planResolved(wanted, 'dummy'), wanted);
  t.strictSame(ran, [
    'ip link add postern0 type dummy',
    'ip addr add 127.77.53.1/32 scope global dev postern0',
    'ip link set postern0 up',
    'resolvectl default-route postern0 false',
    'resolvectl domain postern0 ~sdp.example.com ~lab.example',
    'resolvectl dns postern0 127.0.0.1:7053',
    'resolvectl dnssec postern0 no',
    'resolvectl dnsovertls postern0 no',
    'resolvectl llmnr postern0 no',
    'resolvectl mdns postern0 no',
  ]);
  ran.length = 0;
  t.match(await takeBack(system), { zones: wanted.zones, left: [] });
  t.strictSame(ran, ['ip link del postern0']);
  t.equal(await takeBack(system), undefined, 'once');
  const veth = planResolved(wanted, 'veth').steps[0];
  t.match(veth, { command: ['ip', 'link', 'add', 'postern0', 'type', 'veth', 'peer', 'name', 'postern0p'] });
});

t.test('a planted journal has nothing run and nothing removed', async (t) => {
  const root = t.testdir({ 'a-file': 'precious' });
  const { system, ran } = fakeSystem(root, 'linux');
  await applyPlan(system, planResolved(wanted, 'dummy'), wanted);
  const path = journalPath('linux', root);
  const good = readJournal(path)!;
  ran.length = 0;
  const bad = [
    { ...good, steps: [{ kind: 'run', command: ['true'], undo: ['touch', '/tmp/planted'] }] },
    { ...good, steps: [{ kind: 'file', path: '/a-file', text: 'precious' }] },
    { ...good, how: 'NRPT' },
    { ...good, server: { host: "127.0.0.1';calc;'", port: 53 } },
    { ...good, steps: good.steps.slice(1) },
  ];
  for (const journal of bad) {
    writeFileSync(path, JSON.stringify(journal));
    await t.rejects(takeBack(system), { code: 'invalid-config' });
  }
  t.strictSame(ran, []);
  t.ok(existsSync(join(root, 'a-file')));
  writeFileSync(path, JSON.stringify(good));
  t.match(await takeBack(system), { left: [] });
});

t.test('/etc/resolver: a file a zone, taken back only while it is ours', async (t) => {
  const root = t.testdir();
  const { system } = fakeSystem(root, 'darwin');
  const plan = planResolverFiles(wanted);
  await applyPlan(system, plan, wanted);
  const file = (zone: string) => join(root, 'etc/resolver', zone);
  const lines = readFileSync(file('sdp.example.com'), 'utf8').split('\n').slice(1);
  t.strictSame(lines, ['nameserver 127.0.0.1', 'port 7053', 'timeout 2', '']);
  await t.rejects(applyPlan(system, plan, wanted), { code: 'conflict' }, 'changed already');
  writeFileSync(file('lab.example'), 'nameserver 192.0.2.1\n');
  t.match(await takeBack(system), { left: ['/etc/resolver/lab.example'] });
  t.notOk(existsSync(file('sdp.example.com')));
  t.equal(readFileSync(file('lab.example'), 'utf8'), 'nameserver 192.0.2.1\n');
  await t.rejects(applyPlan(system, plan, wanted), { code: 'conflict', message: /lab\.example is there already/ });
  t.notOk(existsSync(file('sdp.example.com')), 'nothing was written');
  t.equal(readJournal(journalPath('darwin', root)), undefined);
});

t.test('NRPT: a rule a zone with our comment; rules of others are left alone', async (t) => {
  t.throws(() => planNrpt(wanted), { code: 'invalid-config', message: /port 53/ });
  const at53 = { ...wanted, server: { host: '127.0.0.53', port: 53 } };
  const plan = planNrpt(at53);
  const scripts = plan.steps.map((step) => (step.kind === 'run' ? step.command.at(-1) : ''));
  t.match(
    scripts[0],
    "Add-DnsClientNrptRule -Namespace '.sdp.example.com','sdp.example.com' -NameServers '127.0.0.53' -Comment 'Postern sdp.example.com'",
  );
  t.equal(scripts.length, 3);
  const undo = plan.steps.map((step) => (step.kind === 'run' ? step.undo?.at(-1) : ''));
  t.match(undo[1], /\$_\.Comment -eq 'Postern lab\.example'\} \| Remove-DnsClientNrptRule -Force/);
  process.env['ProgramData'] = t.testdir();
  const free = fakeSystem('/', 'win32', { [plan.conflict!.join(' ')]: 1 });
  await applyPlan(free.system, plan, at53);
  t.equal(free.ran.length, 4);
  await takeBack(free.system);
  const taken = fakeSystem('/', 'win32');
  await t.rejects(applyPlan(taken.system, plan, at53), { code: 'conflict' });
  t.equal(taken.ran.length, 1, 'it only looked');
});

t.test('a step that fails leaves nothing behind; the journal is there before the first step', async (t) => {
  const root = t.testdir();
  const { system, ran } = fakeSystem(root, 'linux', { 'resolvectl dns': 1 });
  const plan = planResolved(wanted, 'dummy');
  const journal = journalPath('linux', root);
  const seen: boolean[] = [];
  const watching: System = {
    ...system,
    run: async (command) => {
      seen.push(existsSync(journal));
      return system.run(command);
    },
  };
  await t.rejects(applyPlan(watching, plan, wanted), { message: /resolvectl dns postern0 .*no such thing/ });
  t.ok(seen.every((there) => there));
  t.equal(ran.at(-1), 'ip link del postern0');
  t.notOk(existsSync(journal));
  const taken = fakeSystem(root, 'linux', { 'ip link add': 2 });
  await t.rejects(applyPlan(taken.system, plan, wanted), { message: /ip link add/ });
  t.equal(taken.ran.length, 1, 'what the first step met is not removed');
  mkdirSync(join(root, 'sys/class/net/postern0'), { recursive: true });
  ran.length = 0;
  await t.rejects(applyPlan(system, plan, wanted), { code: 'conflict' }, "a link of that name is somebody else's");
  t.strictSame(ran, []);
});

t.test('a damaged journal is no reason to do anything', async (t) => {
  const root = t.testdir();
  const path = journalPath('linux', root);
  mkdirSync(dirname(path), { recursive: true });
  for (const text of ['', '{', '{"v":2}', JSON.stringify({ v: 1, how: 'x', zones: ['a.b'], steps: [] })]) {
    writeFileSync(path, text);
    const { system, ran } = fakeSystem(root, 'linux');
    await t.rejects(takeBack(system), { code: 'invalid-config' });
    await t.rejects(applyPlan(system, planResolved(wanted, 'dummy'), wanted), { code: 'invalid-config' });
    t.strictSame(ran, []);
  }
});

t.test('which way a system has', async (t) => {
  const root = t.testdir();
  const how = async (platform: NodeJS.Platform, codes = {}, asked = wanted) =>
    (await choosePlan(fakeSystem(root, platform, codes).system, asked)) as Plan;
  t.match(await how('linux'), {
    how: 'systemd-resolved',
    steps: [{ command: ['ip', 'link', 'add', 'postern0', 'type', 'dummy'] }],
  });
  t.match((await how('linux', { modinfo: 1 })).steps[0], {
    command: ['ip', 'link', 'add', 'postern0', 'type', 'veth'],
  });
  await t.rejects(how('linux', { resolvectl: 1 }), {
    code: 'invalid-config',
    message: /dnsmasq: server=\/sdp\.example\.com\/127/,
  });
  t.equal((await how('darwin')).how, '/etc/resolver');
  await t.rejects(how('win32'), { code: 'invalid-config' });
  await t.rejects(how('freebsd'), { code: 'invalid-config' });
});

t.test('it is held while the agent is there, and taken back when it goes', async (t) => {
  const root = t.testdir();
  const { system, ran } = fakeSystem(root, 'linux');
  const path = journalPath('linux', root);
  let serving = false;
  const parts = { system, plan: planResolved(wanted, 'dummy'), wanted, isServing: async () => serving, log: silentLog };
  // What one that was killed has left: its process is no more.
  await applyPlan(system, parts.plan, wanted, { pid: 2 ** 22 + 1, started: '1' });
  ran.length = 0;
  const held = await holdResolver(parts);
  t.strictSame(ran, ['ip link del postern0'], 'the crash is cleaned up first');
  const until = async (there: boolean) => {
    while (existsSync(path) !== there) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  serving = true;
  await until(true);
  t.equal(readJournal(path)?.holder?.pid, process.pid);
  await t.rejects(holdResolver(parts), { code: 'conflict', message: new RegExp(`${process.pid}`) });
  serving = false;
  await until(false);
  t.equal(ran.at(-1), 'ip link del postern0');
  serving = true;
  await until(true);
  await held.stop();
  t.notOk(existsSync(path));
});

t.test('the unit: installed, and removed only when it is ours', async (t) => {
  const root = t.testdir({ etc: { systemd: { system: {} } } });
  const parts = { ...wanted, node: '/opt/n/node', main: '/opt/p/main.ts', uid: 1000 };
  const { system, ran } = fakeSystem(root, 'linux');
  await installUnit(system, parts);
  const path = join(root, 'etc/systemd/system/postern-dns.service');
  t.match(
    readFileSync(path, 'utf8'),
    'ExecStart=/opt/n/node /opt/p/main.ts dns hold --zone sdp.example.com --zone lab.example --server 127.0.0.1:7053 --uid 1000\n',
  );
  t.strictSame(ran, [
    'systemctl daemon-reload',
    'systemctl enable postern-dns.service',
    'systemctl restart postern-dns.service',
  ]);
  t.equal(await removeUnit(system), true);
  t.strictSame(readdirSync(dirname(path)), []);
  writeFileSync(path, '[Unit]\n');
  await t.rejects(installUnit(system, parts), { code: 'conflict' });
  t.equal(await removeUnit(system), false);
  t.equal(readFileSync(path, 'utf8'), '[Unit]\n');
  writeFileSync(path, unitText(parts));
  await t.rejects(installUnit(fakeSystem(root, 'linux', { 'systemctl enable': 1 }).system, parts), {
    message: /enable/,
  });
  t.notOk(existsSync(path));
});

t.test('root runs nothing by itself that others can change', async (t) => {
  const dir = t.testdir({ 'main.ts': '' });
  chmodSync(join(dir, 'main.ts'), 0o666);
  t.throws(() => requireRootOnly(join(dir, 'main.ts')), { code: 'invalid-config', message: /\/opt\/postern/ });
  if (process.geteuid?.() === 0) t.doesNotThrow(() => requireRootOnly('/usr/bin/env'));
});
