import { execFileSync } from 'node:child_process';
import { access, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Check } from 'typebox/value';
import { collect } from '../../../client-agent/posture/collect.ts';
import { createLocalHost } from '../../../client-agent/posture/local-host.ts';
import { buildReport } from '../../../client-agent/posture/report.ts';
import { postureReport, reportedFactKeys } from '../../../shared/contracts/posture.ts';

const onLinux = process.platform === 'linux' ? false : 'this is not Linux';
const required = process.env['POSTERN_TEST_REQUIRE'] === 'all';
const host = createLocalHost({ clock: { now: () => Date.now() } });

t.test('the real probes of this machine give a report that fits its contract', { skip: onLinux }, async (t) => {
  const facts = await collect({ host });
  t.same(
    facts.map(({ fact }) => fact),
    reportedFactKeys,
  );
  t.ok(Check(postureReport, buildReport({ facts, checks: [], seq: 1, now: host.now() })));
  const get = (name: string) => facts.find(({ fact }) => fact === name);
  t.match(get('os'), { status: 'pass', value: 'linux' });
  t.notMatch(facts, [{ detail: /the probe failed/ }]);
  for (const { fact, status, value, detail } of facts) t.comment(`${fact}: ${status} ${value} ${detail ?? ''}`);
});

t.test('the local host: fixed path, no shell, caps, time limits', { skip: onLinux }, async (t) => {
  t.match(await host.exec('echo', ['$HOME;id', '*']), { ran: true, code: 0, stdout: '$HOME;id *\n' });
  t.match(await host.exec('sh', ['-c', 'exit 3']), { ran: true, code: 3 });
  t.match(await host.exec('sh', ['-c', 'locale charmap; echo $PATH; cat']), { stdout: /\/usr\/sbin:\/usr\/bin/ });
  t.same(await host.exec('no-such-program', []), { ran: false, why: 'missing' });
  t.same(await host.exec('../../bin/sh', []), { ran: false, why: 'missing' });
  t.same(await host.exec('sleep', ['30'], 100), { ran: false, why: 'timeout' });
  t.same(await host.exec('sh', ['-c', 'sleep 30 & sleep 30'], 100), { ran: false, why: 'timeout' }, 'children too');
  t.same(await host.exec('head', ['-c', '5000000', '/dev/zero']), { ran: false, why: 'too-much' });
  t.same(await host.readFile('/dev/zero'), { ok: false, why: 'failed' });
  t.same(await host.readFile('/no/such/file'), { ok: false, why: 'missing' });
  t.match(await host.readFile('/proc/self/mountinfo'), { ok: true });
  // A program of the same name before it in the caller's PATH is not taken.
  const dir = await mkdtemp(join(tmpdir(), 'postern-path-'));
  await writeFile(join(dir, 'uname'), '#!/bin/sh\necho faked\n', { mode: 0o755 });
  const before = process.env['PATH'];
  process.env['PATH'] = `${dir}:${before}`;
  t.teardown(() => {
    process.env['PATH'] = before;
  });
  t.match(await createLocalHost({ clock: host }).exec('uname', []), { stdout: 'Linux\n' });
});

async function skipNft(): Promise<string | false> {
  if (onLinux) return onLinux;
  try {
    await access('/usr/sbin/nft');
    execFileSync('unshare', ['-Urn', 'nft', 'list', 'ruleset'], { stdio: 'ignore' });
    return false;
  } catch {
    return required ? false : 'nft is not installed or no network namespace can be made';
  }
}

t.test('the firewall probe against the kernel, in a network namespace', { skip: await skipNft() }, async (t) => {
  const script = join(await mkdtemp(join(tmpdir(), 'postern-nft-')), 'probe.ts');
  const posture = new URL('../../../client-agent/posture/', import.meta.url);
  await writeFile(
    script,
    `import { firewallOn } from '${posture}linux/firewall.ts';
import { createLocalHost } from '${posture}local-host.ts';
console.log(JSON.stringify(await firewallOn.run(createLocalHost({ clock: { now: () => 0 } }))));`,
  );
  const probeWith = (ruleset: string): unknown => {
    const command = 'nft -f - && exec "$0" "$1"';
    const args = ['-Urn', 'sh', '-c', command, process.execPath, script];
    return JSON.parse(execFileSync('unshare', args, { input: ruleset, encoding: 'utf8' }));
  };
  const chain = (family: string, policy: string, rules = '') =>
    `table ${family} filter {\nchain input {\ntype filter hook input priority 0; policy ${policy};\n${rules}\n}\n}\n`;
  t.match(probeWith(''), { status: 'fail' }, 'no rules');
  t.match(probeWith(chain('inet', 'drop', 'ct state established accept;')), { status: 'pass', detail: 'nftables' });
  t.match(probeWith(chain('inet', 'accept', 'iif lo accept; tcp dport 22 accept; reject;')), { status: 'pass' });
  t.match(probeWith(chain('inet', 'accept', 'ip saddr 192.0.2.1 drop; ct state invalid drop;')), { status: 'fail' });
  t.match(probeWith(chain('inet', 'drop', 'accept;')), { status: 'fail' }, 'everything is let in');
  t.match(probeWith(chain('inet', 'drop').replace('{', '{\nflags dormant;')), { status: 'fail' }, 'asleep');
});
