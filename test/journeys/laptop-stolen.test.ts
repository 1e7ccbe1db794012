/** A stolen laptop, contained at 03:00: cut at once, no way back in for it, and back in service by one command and a sign-in. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { Touched } from '#shared/contracts/admin-touched.ts';
import { Keystore } from '../../client-agent/keystore/keystore.ts';
import { withBootstrap } from '../../client-agent/to-controller/bootstrap-client.ts';
import { ControllerLink } from '../../client-agent/to-controller/controller-link.ts';
import { ControllerTime } from '../../client-agent/to-controller/controller-time.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { openStreams } from '../support/open-streams.ts';
import { root } from '../support/source-tree.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const exec = promisify(execFile);
// What a controller says to a contained device, which behind a door it would not even hear.
const triangle = await steerTriangle(t, {}, { controller: { door: 'none' }, gateway: { door: 'none' } });
const { admin, agents } = triangle;
const emil = agents.emil;
const { device } = (await emil.status({})).state;
const wiki = { port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' };

async function posternctl(...args: string[]): Promise<string> {
  const { stdout } = await exec(join(root, 'bin/posternctl'), ['--socket', triangle.adminSocket, ...args]);
  return stdout;
}

/** With the laptop's own keys, in hands that ask by themselves: on the mutual server, and as one whose certificate had ended. */
async function refusesRenewal(t: Test): Promise<void> {
  const keystore = new Keystore(join(triangle.state.dir, 'agents/emil/profile'));
  const { clock, log } = { clock: systemClock, log: silentLog };
  const link = new ControllerLink({
    keystore,
    time: new ControllerTime(clock),
    log,
    session: () => undefined,
    onChange: () => {},
  });
  try {
    const csr = keystore.csr();
    await t.rejects(link.calls.renew({ body: { csr } }), { code: 'device-suspended' });
    const { bootstrap, bundle, trustDomain } = keystore.enrolment;
    await withBootstrap({ addresses: bootstrap, bundle, trustDomain, clock }, async (client) => {
      const { nonce } = await client.renewalNonce({ body: { role: 'device', id: device.id } });
      const signature = keystore.sign(`postern-renew-expired\n${nonce}\n${csr}`);
      const body = { role: 'device', id: device.id, nonce, csr, signature } as const;
      await t.rejects(client.renewExpired({ body }), { code: 'renewal-refused' });
    });
  } finally {
    await link.stop();
    keystore.close();
  }
}

t.test('contained: everything is cut', async (t) => {
  const running = await openStreams(triangle, 'emil');
  const began = performance.now();
  const printed = await posternctl('contain', 'device', device.id, '--because', 'stolen', '--since', '1h');
  const ends = await Promise.all(
    running.map(async ({ kind, ended }) => `${kind} ${Math.round((await ended) - began)} ms`),
  );
  t.comment(`cut after the command was given: ${ends.join(', ')}\n${printed.trim()}`);
  t.match(printed, `Contained device ${device.id}. Undo it: posternctl lift device ${device.id}`);
  t.match(printed, /^gateway gw-main: applied after \d+ ms, 4 streams cut$/m);
  t.match(await admin.device({ params: { id: device.id } }), { state: 'suspended' });
  const { items } = await admin.sessions({});
  t.equal(items.filter(({ person }) => person === 'emil').length, 0, 'its session has ended');
  t.match(printed, `What device ${device.id} of emil touched from `);
  t.match(printed, /^wiki +1 +/m, 'the download of that moment is in the report');
  t.match(printed, /^echo +1 +/m);
});

t.test('no way back in for it', async (t) => {
  t.not((await askThroughAgent(wiki)).status, 200);
  await t.rejects(triangle.signIn('emil'), { code: 'device-suspended' }, 'no sign-in, with the right factors');
  await t.rejects(emil.rekey({}), 'no new key');
  await triangle.end('agent-emil', 'SIGTERM');
  await refusesRenewal(t);
  await triangle.start('agent-emil');
  t.not((await askThroughAgent(wiki)).status, 200, 'nor after a restart');
  t.equal(
    (await askThroughAgent({ ...wiki, port: triangle.portalPort('olivia') })).status,
    200,
    'others notice nothing',
  );
});

t.test('what it touched, by a command of its own', async (t) => {
  // What was cut is delivered within a second or two.
  const report = await untilItWorks(async () => {
    const text = await posternctl('log', 'touched', 'device', device.id, '--since', '1h', '--json');
    const told = JSON.parse(text) as Touched;
    if (told.apps.some(({ running }) => running > 0)) throw new Error('not all ends are in the log');
    return told;
  });
  t.match(report, { kind: 'device', id: device.id, person: 'emil', cutOff: false });
  const wikiTouched = report.apps.find(({ app }) => app === 'wiki');
  t.match(wikiTouched, { accesses: 1, gateways: ['gw-main'], requests: [{ request: 'GET /download', count: 1 }] });
  t.ok(wikiTouched!.bytesDown > 10_000, `${wikiTouched!.bytesDown} bytes of the download`);
  t.same(report.apps.map(({ app }) => app).sort(), ['echo', 'live', 'wiki']);
  t.match(report.addresses, [{ address: '127.0.0.1' }]);
  t.ok(
    report.signIns.some(({ verdict, what }) => verdict === 'deny' && what.includes('device-not-active')),
    'the sign-in that was tried after',
  );
  t.ok(
    report.signIns.some(({ verdict }) => verdict === 'allow'),
    'and the one before',
  );
  for (const what of ['device-enrolled', 'factors-set', 'set-suspended'])
    t.ok(
      report.changes.some((change) => change.what === what),
      what,
    );
  t.match(report.devices, [{ device: device.id, state: 'suspended' }]);
  const ofPerson = JSON.parse(await posternctl('log', 'touched', 'person', 'emil', '--since', '1h', '--json'));
  t.match(
    ofPerson.apps.find(({ app }: { app: string }) => app === 'wiki'),
    { accesses: 1 },
  );
  const { records } = await admin.records({ query: { kind: 'log', limit: 10 } });
  t.match(
    records.find(({ details }) => (details?.['search'] as { what?: string })?.what === 'touched'),
    { actor: 'shell', event: 'records-read' },
    'reading it is a record',
  );
});

t.test('lifted: a sign-in, and it is back', async (t) => {
  t.match(await posternctl('lift', 'device', device.id, '--because', 'found again'), /is back in service/);
  const lifted = performance.now();
  await untilItWorks(() => triangle.signIn('emil'), 60_000);
  await untilItWorks(async () => {
    const { status, text } = await askThroughAgent(wiki);
    if (status !== 200) throw new Error(text);
  });
  t.comment(`signed in, and the wiki answers, ${Math.round(performance.now() - lifted)} ms after the lift`);
  const { records } = await admin.records({ query: { device: device.id, limit: 1000 } });
  const said = records.map(({ because }) => because).filter((text) => text !== undefined);
  t.ok(said.includes('stolen') && said.includes('found again'), 'the log has both reasons');
});
