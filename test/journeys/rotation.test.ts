/**
 * Every key that can change is changed under load, each by its command, and nobody notices: certificate and key of the device,
 * signing key, issuing CA (P4, P20). What was away or hung meanwhile heals by itself.
 */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { second } from '#shared/base/clock.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { runTool } from '../support/journey-tools.ts';
import { openStream } from '../support/open-streams.ts';
import { root } from '../support/source-tree.ts';
import { startLoad } from '../support/steady-load.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

t.setTimeout(240 * second);
const triangle = await steerTriangle(t);
const { admin, agents } = triangle;
const profile = join(triangle.state.dir, 'agents/emil/profile');
const wiki = { port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' };

// Short lives, so that many grants come and go within each step.
const life = 5 * second;
await triangle.describe((bundle) => ({
  ...bundle,
  apps: bundle.apps?.map((app) => ({ ...app, grantSeconds: life / second })) ?? [],
}));

const posternctl = (...args: string[]) =>
  runTool(join(root, 'bin/posternctl'), ['--socket', triangle.adminSocket, '--reason', 'rotation', ...args]);
const postern = (...args: string[]) => runTool(join(root, 'bin/postern'), ['--dir', profile, ...args]);

const signingKeys = async () => (await admin.trust({})).signing;
const keyIn = async (state: string) => (await signingKeys()).find((key) => key.state === state)?.kid ?? '';
const grantsOf = async (kind: 'allow') => {
  const { records } = await admin.records({ query: { person: 'emil', kind: 'grant', limit: 1000 } });
  return records.filter(({ verdict }) => verdict === kind).length;
};

async function wikiAnswers(t: Test, what: string): Promise<void> {
  const began = performance.now();
  await untilItWorks(async () => {
    const { status, text } = await askThroughAgent(wiki);
    if (status !== 200) throw new Error(text);
  }, 60_000);
  t.comment(`${what}: the wiki answers after ${Math.round(performance.now() - began)} ms`);
}

/** Not the wiki: it reads its key set from the first gateway, which may be the one that is away. */
async function echoAnswers(t: Test, what: string): Promise<void> {
  const began = performance.now();
  const tunnel = await untilItWorks(() => openStream(triangle, 'emil', 'tunnel'), 60_000);
  await tunnel.runsOn();
  tunnel.close();
  t.comment(`${what}: the line service answers after ${Math.round(performance.now() - began)} ms`);
}

t.test('under load: renewal, rekey, signing key, issuing CA; not one failed request, no stream lost', async (t) => {
  const load = await startLoad(triangle, 'emil');
  await load.more(20);
  const step = async (what: string, forMs: number, run: () => ReturnType<typeof posternctl>, says: RegExp) => {
    const before = load.answered();
    const began = performance.now();
    const { code, stdout, stderr } = await run();
    const took = Math.round(performance.now() - began);
    t.equal(code, 0, `${what}: ${stderr}`);
    t.match(stdout, says);
    const until = performance.now() + forMs;
    while (performance.now() < until && load.failures.length === 0) await load.more(20);
    t.strictSame(load.failures, [], what);
    await Promise.all(load.streams.map((stream) => stream.runsOn()));
    t.comment(`${what}: the command took ${took} ms; ${load.answered() - before} requests, none failed`);
  };

  const shortly = 2 * second;
  // Longer than a grant lives: whatever rested on the old key has had to be renewed.
  const aLife = life + second;
  const fingerprint = (await agents.emil.status({})).state.device.fingerprint;
  await step('device renewal', shortly, () => postern('renew'), /renewed/);
  await step('device rekey', aLife, () => postern('rekey'), /new key/);
  const device = await admin.device({ params: { id: (await agents.emil.status({})).state.device.id } });
  t.not(device.fingerprint, fingerprint, 'the controller knows another key');

  const old = await keyIn('current');
  await step(
    'signing key',
    aLife,
    () => posternctl('keys', 'rotate', 'signing'),
    /, in use\.\ngateway gw-main: confirmed\n/,
  );
  t.not(await keyIn('current'), old);
  t.equal(await keyIn('retired'), old);
  await step(
    'withdrawing the old one',
    shortly,
    () => posternctl('keys', 'withdraw', old),
    /applied after \d+ ms, 0 streams cut/,
  );

  await step(
    'issuing CA',
    shortly,
    () => posternctl('keys', 'rotate', 'issuing'),
    /, in use\.\ngateway gw-main: confirmed\n/,
  );
  await step('device renewal under the new CA', shortly, () => postern('renew'), /renewed/);
  await step('rekey under the new CA', aLife, () => postern('rekey'), /new key/);
  await load.stop();
  t.ok((await grantsOf('allow')) > 20, 'grants came and went');
});

t.test('a signing key that is withdrawn while it signs: requests go on, streams under it end', async (t) => {
  const load = await startLoad(triangle, 'emil');
  await load.more(20);
  const before = await keyIn('current');
  const { code, stdout } = await posternctl('keys', 'withdraw', before);
  t.equal(code, 0);
  t.match(stdout, /applied after \d+ ms, [1-9]\d* streams? cut/);
  await Promise.all(load.streams.map(({ ended }) => ended));
  await load.stop();
  const failed = load.failures.filter((text) => !/ stream ended$/.test(text));
  // What was on its way in that moment rested on the withdrawn key and is cut as every stream; all that came after is served.
  t.ok(failed.length <= 4, failed.join('; '));
  await wikiAnswers(t, 'after the withdrawal');
});

t.test('a gateway that hangs does not stop a rotation, and heals when it goes on', async (t) => {
  await triangle.joinGateway('gw-other');
  triangle.signal('gw-other', 'SIGSTOP');
  const { code, stdout } = await posternctl('keys', 'rotate', 'signing', '--wait', '40');
  t.comment(stdout.trim());
  triangle.signal('gw-other', 'SIGCONT');
  t.equal(code, 0);
  t.match(stdout, /in use\.\ngateway gw-main: confirmed\ngateway gw-other: away \(last seen .*\); not waited for/);
  await untilItWorks(async () => {
    const { items } = await admin.gateways({});
    if (items.find(({ id }) => id === 'gw-other')?.connection !== 'fresh') throw new Error('it is not back');
  }, 40_000);
  // Now it is the only one: it has to know the new key.
  await triangle.end('gateway', 'SIGTERM');
  await echoAnswers(t, 'by the gateway that had hung');
});

t.test('a gateway and an agent that were away during every rotation come back by themselves', async (t) => {
  const session = (await agents.emil.status({})).state.session;
  t.ok(session.signedIn);
  // `gateway` was ended above.
  await triangle.end('agent-emil', 'SIGTERM');
  await wait();
  for (const what of ['signing', 'issuing']) {
    const { code, stdout } = await posternctl('keys', 'rotate', what);
    t.equal(code, 0);
    t.match(stdout, /gateway gw-main: away .*\ngateway gw-other: confirmed/);
  }
  const withdrawn = await posternctl('keys', 'withdraw', await keyIn('retired'));
  t.equal(withdrawn.code, 1, 'not complete: a gateway has not confirmed');
  t.match(withdrawn.stdout, /gateway gw-main: NOT confirmed/);
  await triangle.start('gateway');
  await triangle.start('agent-emil');
  await untilItWorks(async () => {
    const { items } = await admin.gateways({});
    if (items.find(({ id }) => id === 'gw-main')?.connection !== 'fresh') throw new Error('it is not back');
  });
  await triangle.end('gw-other', 'SIGTERM');
  await echoAnswers(t, 'by the gateway that was away, for the agent that was away');
  t.equal((await agents.emil.status({})).state.session.signedIn, true, 'nobody had to sign in again');
});

/** A rotation that the last test began is over, retired keys included, before the next one begins. */
async function wait(): Promise<void> {
  await untilItWorks(async () => {
    if ((await keyIn('announced')) !== '') throw new Error('a rotation is under way');
  });
}
