/** Runs with a clock that it sets itself: started by journeys/asleep.test.ts. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { setClock } from './faked-clock.ts';
import { root } from './source-tree.ts';
import { steerTriangle } from './steered-triangle.ts';

const exec = promisify(execFile);
const hour = 3_600_000;
const begins = -24 * 40;
const triangle = await steerTriangle(t);
const { admin, agents } = triangle;
const wiki = { port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' };

const postern = (person: string, ...args: string[]) =>
  exec(join(root, 'bin/postern'), [...args, '--dir', join(triangle.state.dir, 'agents', person, 'profile')]).catch(
    (error: { stdout: string; stderr: string }) => error,
  );

t.test('72 hours: one is switched off, one sleeps', async (t) => {
  t.equal((await askThroughAgent(wiki)).status, 200);
  const before = (await agents.emil.status({})).state;
  t.ok(before.certificate.endsInMs < 24 * hour + 1000);
  const sleeper = triangle.processes.pid('agent-olivia')!;
  await triangle.end('agent-emil', 'SIGTERM');
  await triangle.end('agent-audrey', 'SIGTERM');
  process.kill(sleeper, 'SIGSTOP');
  const away = Date.now();
  await setClock(begins + 72);
  t.ok(Date.now() - away > 71 * hour);

  process.kill(sleeper, 'SIGCONT');
  const woke = performance.now();
  const olivia = await untilItWorks(async () => {
    const { certificate, controller, session } = (await agents.olivia.status({})).state;
    if (certificate.endsInMs < hour || !controller.events) throw new Error('the certificate has ended');
    return { session };
  }, 60_000);
  t.comment(
    `the sleeper has a new certificate and its stream of events ${Math.round(performance.now() - woke)} ms after it woke`,
  );
  t.equal(olivia.session.signedIn, false, 'its session has ended');

  await triangle.start('agent-emil');
  const started = performance.now();
  const after = await untilItWorks(async () => {
    const { state } = await agents.emil.status({});
    if (state.certificate.endsInMs < hour || state.controller.reachable !== true) throw new Error('not back yet');
    return state;
  }, 60_000);
  t.comment(`the other one has its certificate ${Math.round(performance.now() - started)} ms after its agent was up`);
  t.match(
    after.device,
    { id: before.device.id, fingerprint: before.device.fingerprint, state: 'active' },
    'the same key',
  );
  t.equal(after.session.signedIn, false);
  t.equal((await askThroughAgent(wiki)).status, 401, 'without a sign-in there is nothing');
  await triangle.signIn('emil');
  const signedIn = performance.now();
  // The gateway slept as well, and comes back by itself too.
  await untilItWorks(async () => {
    const { status, text } = await askThroughAgent(wiki);
    if (status !== 200) throw new Error(text);
  }, 60_000);
  t.comment(`the wiki answers ${Math.round(performance.now() - signedIn)} ms after the sign-in`);
  const { records } = await admin.records({ query: { from: away + hour, limit: 1000 } });
  t.equal(records.filter(({ kind }) => kind === 'admin').length, 0, 'no administrator had to do anything');
  const renewals = records.filter(
    ({ kind, person, device }) => device === before.device.id && kind === 'device' && person === 'emil',
  );
  t.comment(renewals.map(({ details }) => JSON.stringify(details)).join('\n'));
});

t.test('more than 30 days after its certificate ended', async (t) => {
  for (const name of ['agent-emil', 'agent-olivia', 'gateway'] as const) await triangle.end(name, 'SIGTERM');
  await setClock(begins + 24 * 31 + 48);
  await triangle.start('agent-audrey');
  const state = await untilItWorks(async () => {
    const { state } = await agents.audrey.status({});
    if (state.controller.failure === undefined && state.controller.reachable !== false)
      throw new Error('not tried yet');
    return state;
  }, 30_000);
  t.ok(state.certificate.endsInMs < 0);
  const { lines } = await agents.audrey.doctor({});
  t.comment(lines.map((line) => `${line.ok} ${line.name}: ${line.detail} ${line.fix ?? ''}`).join('\n'));
  t.ok(lines.some(({ ok, detail, fix }) => ok === false && /invitation/.test(`${detail} ${fix}`)));
  const told = await postern('audrey', 'login');
  t.match(`${told.stdout}${told.stderr}`, /invitation/);
  t.comment(`${told.stdout}${told.stderr}`.trim());
  const answer = await askThroughAgent({ port: triangle.portalPort('audrey'), app: 'wiki', path: '/pages/home' });
  t.comment(answer.text);
  t.not(answer.status, 200);
});
