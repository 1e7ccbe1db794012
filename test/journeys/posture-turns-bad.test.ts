/**
 * A device that turns bad during a session loses the apps that want it good within one posture interval, and only those;
 * what runs is cut; and its person is told, in three places, what to turn on.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { openStream, openStreams } from '../support/open-streams.ts';
import { root } from '../support/source-tree.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const exec = promisify(execFile);
const triangle = await steerTriangle(t);
const { admin, agents } = triangle;
const emil = agents.emil;
const reportSeconds = 5;
const port = triangle.portalPort('emil');

await triangle.describe((bundle) => ({ ...bundle, posture: { ...bundle.posture, reportSeconds } }));
// The agent hears of the interval with its next report.
await emil.reportPosture({});

const postern = (...args: string[]) =>
  exec(join(root, 'bin/postern'), [...args, '--dir', join(triangle.state.dir, 'agents/emil/profile')]);

t.test('the firewall goes off while streams run', async (t) => {
  const bad = await openStreams(triangle, 'emil', ['events', 'websocket', 'tunnel']);
  const download = await openStream(triangle, 'emil', 'download');
  const since = Date.now();
  triangle.setFact('emil', 'firewallOn', false);
  const began = performance.now();
  const ends = await Promise.all(bad.map(async ({ kind, ended }) => `${kind} ${Math.round((await ended) - began)} ms`));
  const took = performance.now() - began;
  t.comment(`cut after the firewall went off: ${ends.join(', ')} (reports every ${reportSeconds} s)`);
  t.ok(took < 2 * reportSeconds * 1000, 'by the report of one interval');
  await download.runsOn();
  t.ok(download.isOpen(), 'what does not ask for a firewall runs on');
  download.close();
  const { records } = await admin.records({ query: { person: 'emil', from: since, kind: 'posture' } });
  t.match(records, [{ details: { changed: [{ fact: 'firewallOn', from: 'pass', to: 'fail' }] } }]);
  await untilItWorks(async () => {
    const { records } = await admin.records({ query: { person: 'emil', from: since, reason: 'stream-cut' } });
    if (records.length !== bad.length) throw new Error(`${records.length} cuts are recorded`);
  });
});

t.test('the list of apps says what to turn on', async (t) => {
  const { apps } = await untilItWorks(async () => {
    const listed = await emil.apps({});
    if (listed.apps.find(({ id }) => id === 'live')?.usable !== false) throw new Error('live is still usable');
    return listed;
  });
  const live = apps.find(({ id }) => id === 'live');
  t.match(live, { usable: false, fixes: [{ fact: 'firewallOn', text: /firewall/i }] });
  t.match(
    apps.find(({ id }) => id === 'wiki'),
    { usable: true },
  );
});

t.test('a request says what to turn on, and goes on once it is on', async (t) => {
  const refused = askThroughAgent({ port, app: 'live', path: '/' });
  const hold = await untilItWorks(async () => {
    const [first] = (await emil.status({})).holds;
    if (first === undefined) throw new Error('nothing waits');
    return first;
  });
  t.match(hold, { kind: 'fix-device', fixes: [{ text: /firewall/i }] });
  await emil.giveUp({ params: { id: hold.id } });
  const { status, text } = await refused;
  t.equal(status, 403);
  t.match(JSON.parse(text), { code: 'device-unfit', next: 'fix-device', fixes: [{ text: /firewall/i }] });

  const { refused: refusals } = await emil.why({ query: { app: 'live' } });
  t.match(refusals[0], { code: 'device-unfit', fixes: [{ text: /firewall/i }] });
  const { stdout } = await postern('why', 'live');
  t.match(stdout, /firewall/i, 'postern why');
  t.comment(stdout.trim());

  const waiting = askThroughAgent({ port, app: 'live', path: '/' });
  await untilItWorks(async () => {
    if ((await emil.status({})).holds.length === 0) throw new Error('nothing waits');
  });
  triangle.setFact('emil', 'firewallOn', true);
  const began = performance.now();
  t.equal((await waiting).status, 200, 'nobody had to do anything else');
  t.comment(`went on ${Math.round(performance.now() - began)} ms after the firewall was on`);
});
