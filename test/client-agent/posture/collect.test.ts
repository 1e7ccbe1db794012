import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Check } from 'typebox/value';
import { collect } from '../../../client-agent/posture/collect.ts';
import { posturedHost } from '../../../client-agent/posture/facts-file.ts';
import { rememberFirstSeen } from '../../../client-agent/posture/first-seen.ts';
import type { Probe } from '../../../client-agent/posture/probe.ts';
import { buildReport, signReport } from '../../../client-agent/posture/report.ts';
import { createReportSequence } from '../../../client-agent/posture/report-sequence.ts';
import { maxReportBytes, postureReport, reportedFactKeys } from '../../../shared/contracts/posture.ts';
import { readJws, verifyJws } from '../../../shared/crypto/jws.ts';
import { generateKeyPair } from '../../../shared/crypto/keys.ts';
import { fakeHost } from './fake-host.ts';

const probe = (run: Probe['run'], privilege: Probe['privilege'] = 'none'): Probe => ({
  fact: 'firewallOn',
  os: 'linux',
  privilege,
  run,
});
const firewall = async (one: Probe, uid = 0, deadlineMs?: number) => {
  const options = { host: fakeHost({ uid }), probes: [one], ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  return (await collect(options)).find(({ fact }) => fact === 'firewallOn');
};

t.test('a crash, a hang, an odd value and a missing probe are all unknown', async (t) => {
  const crash = probe(async () => {
    throw new Error('odd\nthing\u202e');
  });
  t.match(await firewall(crash), { status: 'unknown', value: null, detail: 'the probe failed: odd thing' });
  t.match(
    await firewall(
      probe(() => new Promise(() => {})),
      0,
      5,
    ),
    { status: 'unknown', detail: 'the probe took too long' },
  );
  for (const value of ['true', 1, undefined, false]) {
    const odd = probe(async () => ({ status: 'pass', value }) as never);
    t.match(await firewall(odd), { status: 'unknown', value: null }, String(value));
  }
  const facts = await collect({ host: fakeHost({}), probes: [] });
  t.same(
    facts.map(({ fact }) => fact),
    reportedFactKeys,
  );
  t.ok(facts.every(({ status, value }) => status === 'unknown' && value === null));
  t.ok((await collect({ host: fakeHost({ os: 'unknown' }) })).every(({ status }) => status === 'unknown'));
});

t.test('a probe that wants root says so only when it could not tell without', async (t) => {
  const dark = probe(async () => ({ status: 'unknown', detail: 'closed' }), 'root');
  t.match(await firewall(dark, 1000), { detail: 'needs root: closed' });
  t.match(await firewall(dark, 0), { detail: 'closed' });
  t.match(
    await firewall(
      probe(async () => ({ status: 'pass', value: true }), 'root'),
      1000,
    ),
    { status: 'pass' },
  );
});

t.test('a facts file replaces what it names, visibly, and a bad one makes everything unknown', async (t) => {
  const read = async (text: string) => {
    const host = posturedHost(fakeHost({ files: { '/f.json': text } }), { factsFile: '/f.json' });
    return await collect({ host });
  };
  const facts = await read('{"firewallOn": true, "patchAgeDays": 3, "secureBoot": null, "antivirusOn": false}');
  const get = (name: string) => facts.find(({ fact }) => fact === name);
  t.match(get('firewallOn'), { status: 'pass', value: true, detail: 'from the facts file' });
  t.match(get('antivirusOn'), { status: 'fail', value: false, detail: 'from the facts file' });
  t.match(get('patchAgeDays'), { status: 'pass', value: 3 });
  t.match(get('secureBoot'), { status: 'unknown', value: null });
  t.match(get('os'), { value: 'linux', status: 'pass' }, 'measured');
  t.not(get('os')?.detail, 'from the facts file');
  for (const bad of [
    '',
    '[]',
    '{"firewallOn": "yes"}',
    '{"firewalOn": true}',
    '{"checks": []}',
    '{"patchAgeDays": -1}',
  ]) {
    t.ok(
      (await read(bad)).every(({ status }) => status === 'unknown'),
      bad,
    );
  }
  const gone = await collect({ host: posturedHost(fakeHost({}), { factsFile: '/none.json' }) });
  t.ok(gone.every(({ status }) => status === 'unknown'));
});

t.test('P19: a report tells ages, never times, fits its contract and is signed by the device key', async (t) => {
  const host = fakeHost({ uid: 1000 });
  const facts = await collect({ host });
  const checks = [{ id: 'vpn-off', status: 'pass', detail: 'secret path', measuredAt: host.now() } as const];
  const report = buildReport({ facts, checks, seq: 7, now: host.now() + 1500 });
  t.ok(Check(postureReport, report));
  t.ok(report.facts.every(({ ageMs }) => ageMs === 1500));
  t.same(report.checks, [{ id: 'vpn-off', status: 'pass', ageMs: 1500 }], 'only pass or fail leaves the device');
  t.notMatch(JSON.stringify(report), String(host.now()).slice(0, 6));
  const back = buildReport({ facts, checks, seq: 8, now: host.now() - 1 });
  t.ok(Check(postureReport, back));
  t.ok(
    back.facts.every(({ ageMs }) => ageMs > 86_400_000 * 300),
    'a clock that was set back makes values old',
  );
  const { privateKey, publicKey } = generateKeyPair();
  const text = signReport(report, { kid: 'device-key', privateKey });
  t.ok(text.length < maxReportBytes);
  const parsed = readJws(text, { maxBytes: maxReportBytes, typ: 'postern-posture+jwt' });
  t.ok(verifyJws(parsed, publicKey));
  t.same(parsed.payload, report);
  t.notOk(verifyJws(parsed, generateKeyPair().publicKey));
});

t.test('the largest report there can be is within the limit', async (t) => {
  const { privateKey } = generateKeyPair();
  const facts = reportedFactKeys.map((fact) => {
    return { fact, value: null, status: 'unknown', detail: '\u6f22'.repeat(200), measuredAt: 9e15 } as const;
  });
  const checks = Array.from(
    { length: 64 },
    () => ({ id: 'x'.repeat(63), status: 'unknown', measuredAt: 9e15 }) as const,
  );
  const report = buildReport({ facts, checks, seq: Number.MAX_SAFE_INTEGER, now: 0 });
  t.ok(Check(postureReport, report));
  const { length } = signReport(report, { kid: 'k'.repeat(64), privateKey });
  t.ok(length <= maxReportBytes, `${length}`);
});

t.test('numbers of reports rise through restarts, at the same time, and past what the controller knows', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'postern-seq-')), 'seq');
  let now = 0;
  const clock = { now: () => now };
  const first = createReportSequence(file, clock);
  t.same(await Promise.all([first.next(), first.next(), first.next()]), [1, 2, 3]);
  const again = createReportSequence(file, clock);
  t.equal(await again.next(), 4);
  again.atLeast(90);
  again.atLeast(Number.NaN);
  t.equal(await again.next(), 91);
  t.equal(await readFile(file, 'utf8'), '91');
  await t.rejects(createReportSequence(join(file, 'not-a-directory'), clock).next());
  t.equal(await again.next(), 92);
  now = 1_795_000_000_000;
  t.equal(await createReportSequence(file, clock).next(), 93, 'the clock matters only where the file is lost');
  await writeFile(file, '9x');
  t.equal(await createReportSequence(file, clock).next(), 1_795_000_001);
});

t.test('first-seen times: from the last look without it, none at a first look, forgotten when gone', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'postern-seen-')), 'seen.json');
  let now = 1000;
  const clock = { now: () => now };
  const seen = rememberFirstSeen(clock, file);
  t.same([...(await seen('apt', ['a 1']))], [['a 1', undefined]]);
  now = 2000;
  t.same(
    [...(await seen('apt', ['a 1', 'b 1', '__proto__']))],
    [
      ['a 1', undefined],
      ['b 1', 1000],
      ['__proto__', 1000],
    ],
  );
  now = 3000;
  const restarted = rememberFirstSeen(clock, file);
  t.same([...(await restarted('apt', ['b 1']))], [['b 1', 1000]]);
  now = 4000;
  t.same(
    [...(await restarted('apt', ['a 1', 'b 1']))],
    [
      ['a 1', 3000],
      ['b 1', 1000],
    ],
  );
  await writeFile(file, '{"apt": {"lastLook": "x"}}');
  t.same([...(await rememberFirstSeen(clock, file)('apt', ['b 1']))], [['b 1', undefined]]);
});
