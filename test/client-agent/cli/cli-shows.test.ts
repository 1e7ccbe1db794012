/** What the commands of `postern` show, as real processes against a fake agent. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { agentCommands } from '../../../client-agent/cli/commands.ts';
import { lookAtLocal, ownershipLine } from '../../../client-agent/cli/look-at-local.ts';
import { wayWords } from '../../../client-agent/cli/words.ts';
import type { ControlStatus } from '../../../client-agent/control/control-contract.ts';
import { localRig } from '../from-apps/local-rig.ts';
import { makeRig, runPostern } from './run-postern.ts';

// A process for each command, some at a time: one after another they would take their time on a machine with other work.
t.test('every command has help, and it loads nothing that fails', { timeout: 240_000 }, async (t) => {
  const names = Object.keys(agentCommands);
  const ask = async (name: string) => ({ name, ...(await runPostern([...name.split(' '), '--help'])) });
  for (let from = 0; from < names.length; from += 6) {
    for (const { name, code, out, err } of await Promise.all(names.slice(from, from + 6).map(ask))) {
      t.equal(code, 0, name);
      t.match(out, new RegExp(`Usage: postern ${name}`), name);
      t.match(out, /--profile NAME[\s\S]*--dir DIR[\s\S]*--json/, name);
      t.equal(err, '', name);
    }
  }
});

t.test('mistakes on the command line end with 2 and say what to do', async (t) => {
  for (const [line, message] of [
    ['statsu', /did you mean: postern status/],
    ['ssh-proxy', /<app> is missing/],
    ['status --jsn', /did you mean --json/],
  ] as const) {
    const { code, err } = await runPostern(line.split(' '));
    t.equal(code, 2, line);
    t.match(err, message, line);
  }
});

t.test('without an agent, the message names the next command', async (t) => {
  const directory = t.testdir({ 'enrolment.json': '{}' });
  const down = await runPostern(['status', '--dir', directory]);
  t.equal(down.code, 1);
  t.match(down.err, /not running[\s\S]*postern up/);
  const empty = await runPostern(['apps', '--dir', t.testdir({ empty: {} }), '--json']);
  t.equal(empty.code, 1);
  t.match(JSON.parse(empty.err), { code: 'unreachable', detail: /postern enrol/ });
});

t.test('status, apps, posture, why, logs: for people and for programs', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const status = await rig.run('status');
  t.equal(status.code, 0);
  t.match(status.out, /person:\s+Emil Employee \(emil\) at Example Ltd/);
  t.match(status.out, /session:\s+signed in, ends in 10 h/);
  t.match(status.out, /posture:.*failing: firewallOn; unknown: secureBoot/);
  t.match(status.out, /portal:\s+http:\/\/postern\.localhost:7170/);
  t.match(JSON.parse((await rig.run('status --json')).out), { state: { person: { id: 'emil' } }, pid: process.pid });

  const apps = await rig.run('apps');
  t.match(apps.out, /wiki\s+Wiki\s+http\s+yes\s+wiki\.corp\.internal\s+http:\/\/wiki\.localhost:7170\//);
  t.match(
    apps.out,
    /echo\s+Echo\s+tcp\s+yes\s+echo\.corp\.internal:7007\s+postern connect echo --dir \/tmp\/postern-cli-\w+/,
  );
  t.match(apps.out, /payroll: The firewall of this device is off\.\n {2}- Turn the firewall on\./);
  t.equal(JSON.parse((await rig.run('apps --json')).out).apps.length, 4);

  const posture = await rig.run('posture');
  t.match(posture.out, /firewallOn\s+fail\s+false\s+fail\s+nftables has no rules/);
  t.match(posture.out, /check:vpn-absent\s+fail\s+fail\s+stale\s+\/opt\/vpn is there \(not sent\)/);
  t.match(posture.out, /To put right:[\s\S]*sudo ufw enable[\s\S]*Remove it\./);
  t.equal(JSON.parse((await rig.run('posture --report --json')).out).posture.seq, 2);

  const why = await rig.run('why payroll');
  t.match(why.out, /payroll: POST payroll\.corp\.internal\/reports\/q3\/export/);
  t.match(why.out, /refused by gateway g1: The firewall[\s\S]*- Turn the firewall on\.[\s\S]*trace 0123456789abcdef/);
  const wiki = (await rig.run('why wiki')).out;
  t.match(wiki, /Nothing of wiki was refused/);
  t.notMatch(wiki, /signed out/);

  t.equal((await rig.run('logs')).out, '10:11:12 info signed in person=emil\n');
  t.equal((await rig.run('logs --json')).out, `${rig.logs[0]}\n`);
});

t.test('one shell serves posternctl too: its variables do not stop the agent', async (t) => {
  const directory = t.testdir({ 'agent.yaml': 'local: {portal: 7990}' });
  const env = { ...process.env, POSTERN_SOCKET: '/run/admin.sock' };
  const bin = fileURLToPath(new URL('../../../bin/postern', import.meta.url));
  const args = ['up', '--config', join(directory, 'agent.yaml'), '--dir', directory];
  const asked = spawnSync(bin, args, { env, encoding: 'utf8' });
  t.match(asked.stderr, /is not enrolled|open to other users/);
});

t.test('why: what stands in the way of every app is told, though no app has refused anything', async (t) => {
  const rig = await makeRig(t);
  t.match((await rig.run('why wiki')).out, /you are signed out\. Run: postern login --dir \/tmp\/postern-cli-/);
});

t.test('logs -f goes on with what comes', async (t) => {
  const rig = await makeRig(t);
  const follow = rig.start('logs -f');
  await follow.says('signed in');
  rig.logs.push(JSON.stringify({ level: 40, time: '2026-11-20T10:11:13.000Z', msg: 'second' }));
  await follow.says('10:11:13 warn second');
  follow.child.kill('SIGINT');
  const { out } = await follow.ended;
  t.equal(out.split('signed in').length, 2, 'nothing is told twice');
});

t.test(
  'open prints the one-time file where no browser can be started, and never an address with a secret',
  async (t) => {
    const rig = await makeRig(t, { signedIn: true });
    const { code, out, err } = await rig.run('open wiki');
    t.equal(code, 0);
    t.equal(out, `${rig.directory}/open-1.html\n`);
    t.match(err, /30 seconds.*http:\/\/wiki\.localhost:7170\//);
    t.match(JSON.parse((await rig.run('open --json')).out), { url: 'http://postern.localhost:7170/', opened: false });
    const tcp = await rig.run('open echo');
    t.equal(tcp.code, 1);
    t.match(tcp.err, /postern connect echo/);
  },
);

t.test('status and why name the leg that fails', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  rig.agent.setTrouble({ leg: 'name', says: 'The name c.example is not resolved: ENOTFOUND.', fix: 'Look at DNS.' });
  const status = await rig.run('status');
  t.match(status.out, /controller:\s+controller\.example:8443: not reached \(name\)/);
  t.match(status.out, /The name c\.example is not resolved: ENOTFOUND\. Look at DNS\./);
  t.match((await rig.run('why')).out, /^Nothing new opens now\. The name c\.example/m);
});

t.test('doctor looks at everything, and ends with 1 when a step fails', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const { code, out } = await rig.run('doctor');
  t.equal(code, 1);
  t.match(out, /profile\s+FAILS.*not enrolled/);
  t.match(out, /agent\s+good\s+process/);
  t.match(out, /gateway g1\s+FAILS\s+unreachable/);
  t.match(out, /names of \*\.localhost/);
  t.match(out, /whose local connections are\s+(good|unclear)/);
  t.match(out, /local portal\s+FAILS\s+.*ECONNREFUSED/);
  t.match(out, /What to do \(with --dir \/tmp\/postern-cli-\w+\):[\s\S]*gateway g1: Ask your administrator/);
});

t.test('P30 doctor says how the agent knows whose a connection is, and when it does not', async (t) => {
  t.match(ownershipLine({ platform: 'linux', isOverflow: false }), { ok: true, detail: /proc/ });
  t.match(ownershipLine({ platform: 'linux', isOverflow: true }), { ok: undefined, fix: /postern client add/ });
  t.match(ownershipLine({ platform: 'darwin', isOverflow: false }), { ok: undefined, detail: /not been tried/ });
  t.match(ownershipLine({ platform: 'win32', isOverflow: false }), { ok: undefined, fix: /postern client add/ });
  const rig = await localRig(t, { ownerCheck: async () => 'unprovable' });
  const lines = await lookAtLocal({ local: rig.side.addresses(), pid: process.pid } as unknown as ControlStatus);
  t.match(
    lines.filter(({ name }) => name.startsWith('local ')),
    [{ ok: false, detail: /cannot tell/ }, { ok: false }, { ok: false }],
  );
});

t.test('version', async (t) => {
  t.match((await runPostern(['version'])).out, /^postern \d+\.\d+\.\d+, protocol \d+, node v?\d+/);
});

t.test('a way that failed says when: a connection from before may still be open', (t) => {
  const failure = { rung: 'direct', leg: 'connect', how: 'timeout', detail: 'no answer', afterMs: 3000 } as const;
  const way = { door: 'controller', address: 'c.example:8443', above: [], lookedMsAgo: 0, failures: [failure] };
  t.equal(
    wayWords({ ...way, isFailing: true, failedMsAgo: 90_000 }),
    'c.example:8443 was not reached at the last try, 1 min ago: direct: no answer',
  );
  t.equal(
    wayWords({ ...way, rung: 'prelude', isFailing: false, failedMsAgo: 90_000 }),
    'prelude, c.example:8443 (failed before: direct: no answer)',
  );
  t.end();
});
