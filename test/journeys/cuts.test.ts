/**
 * A revocation cuts what is running: a download, a stream of events, a WebSocket and a tunnel, whatever was taken back; and the command
 * names each gateway, with when and how many.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { scoreOf } from '#shared/base/score-of.ts';
import type { CutReport } from '#shared/contracts/admin-objects.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import { openStream, openStreams, type Running, streamKinds } from '../support/open-streams.ts';
import { root } from '../support/source-tree.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const exec = promisify(execFile);
const triangle = await steerTriangle(t);
const { admin, agents } = triangle;

/** All of them may use the line service, so that each can lose four streams: a one-time code serves only once in half a minute. */
for (const id of ['olivia', 'audrey'] as const)
  await admin.putPerson({ params: { id }, body: { groups: ['engineers'] } });

/** What an admin types, word for word; throws when it exits with anything but 0. */
async function posternctl(...args: string[]): Promise<string> {
  const { stdout } = await exec(join(root, 'bin/posternctl'), ['--socket', triangle.adminSocket, ...args]);
  return stdout;
}

/** Runs four streams of a person, takes something back, and measures until each has ended. */
async function cutsAll<T>(t: Test, person: PersonId, takeBack: () => Promise<T>): Promise<T> {
  const running = await openStreams(triangle, person);
  // They run, and do not only answer.
  await Promise.all(running.map((stream) => stream.runsOn()));
  return measure(t, running, takeBack);
}

async function measure<T>(t: Test, running: readonly Running[], takeBack: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await takeBack();
  const answered = Math.round(performance.now() - began);
  const ends = await Promise.all(
    running.map(async ({ kind, ended }) => `${kind} ${Math.round((await ended) - began)} ms`),
  );
  t.comment(`cut after the command was given: ${ends.join(', ')}; the command answered after ${answered} ms`);
  t.ok(
    running.every((stream) => !stream.isOpen()),
    'all have ended',
  );
  return answer;
}

function checkReport(t: Test, { complete, gateways }: CutReport, streams: number): void {
  t.ok(complete, 'every gateway confirmed');
  t.match(gateways, [{ gateway: 'gw-main', state: 'applied', appliedAfterMs: Number, streamsCut: streams }]);
  t.equal(gateways.length, 1);
}

/** The log says of each that it was cut. */
async function cutsRecorded(t: Test, person: PersonId, since: number, streams: number): Promise<void> {
  const { records } = await untilItWorks(async () => {
    const found = await admin.records({ query: { person, kind: 'access', reason: 'stream-cut', from: since } });
    if (found.records.length < streams) throw new Error(`${found.records.length} cuts are in the log`);
    return found;
  });
  t.equal(records.length, streams, 'one closing record for each');
  for (const record of records)
    t.match(record, { phase: 'closing', details: { ended: 'cut', problem: 'grant-revoked' } });
}

t.test('a person, by posternctl', async (t) => {
  const since = Date.now();
  const printed = await cutsAll(t, 'emil', () =>
    posternctl('revoke', 'person', 'emil', '--because', 'left the company'),
  );
  t.match(printed, /^Revoked person emil\.$/m);
  t.match(printed, /^3 grants taken back, 1 session ended$/m);
  t.match(printed, /^gateway gw-main: applied after \d+ ms, 4 streams cut$/m);
  await cutsRecorded(t, 'emil', since, streamKinds.length);
  const { records } = await admin.records({ query: { kind: 'revocation', from: since } });
  t.match(records, [{ because: 'left the company', details: { what: 'person', id: 'emil', grants: 3, sessions: 1 } }]);
  const answer = await askThroughAgent({ port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' });
  t.equal(answer.status, 401);
  t.match(JSON.parse(answer.text), { code: 'session-required', next: 'step-up' });
});

t.test('a device', async (t) => {
  const { device } = (await agents.olivia.status({})).state;
  const since = Date.now();
  const report = await cutsAll(t, 'olivia', () => admin.revoke({ body: { kind: 'device', id: device.id } }));
  checkReport(t, report, 4);
  await cutsRecorded(t, 'olivia', since, 4);
});

t.test('a session, by posternctl --json', async (t) => {
  const { items } = await admin.sessions({});
  const session = items.find(({ person }) => person === 'audrey');
  const printed = await cutsAll(t, 'audrey', () =>
    posternctl('revoke', 'session', session?.id ?? '', '--reason', 'a shared computer', '--json'),
  );
  const report = JSON.parse(printed) as CutReport;
  t.match(report, { grants: 3, sessions: 1 });
  checkReport(t, report, 4);
});

t.test('one grant cuts what lives on it and nothing else', async (t) => {
  await triangle.signIn('emil');
  const running = await openStreams(triangle, 'emil');
  for (const [app, streams] of [
    ['live', 2],
    ['wiki', 1],
    ['echo', 1],
  ] as const) {
    const grants = (await admin.grants({})).items.filter((grant) => grant.person === 'emil' && grant.app === app);
    t.equal(grants.length, 1, `${app}: one grant is alive`);
    const mine = running.filter((stream) => stream.app === app);
    const report = await measure(t, mine, () => admin.revoke({ body: { kind: 'grant', id: grants[0]?.id ?? '' } }));
    checkReport(t, report, streams);
    const others = running.filter((stream) => stream.isOpen());
    await Promise.all(others.map((stream) => stream.runsOn()));
  }
  const answer = await askThroughAgent({ port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' });
  t.equal(answer.status, 200, 'the session lives: the next request gets a new grant');
  for (const stream of running) stream.close();
});

t.test('publishing a policy that forbids, and rolling it back', async (t) => {
  const { version, files } = await admin.policy({ query: {} });
  const forbid = {
    id: 'emil-is-out',
    text: '@id("emil-is-out")\nforbid (principal == Person::"emil", action, resource);\n',
  };
  const { cut } = await cutsAll(t, 'emil', () =>
    admin.publishPolicy({ body: { files: [...files, forbid], message: 'Emil is out' } }),
  );
  checkReport(t, cut, 4);
  t.equal(cut.grants, 3);
  const ask = { port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' };
  t.match(JSON.parse((await askThroughAgent(ask)).text), { next: 'stop' });
  t.strictSame((await agents.emil.apps({})).apps, [], 'and his list of apps is empty');
  await admin.rollbackPolicy({ body: { epoch: version.epoch } });
  await untilItWorks(async () => {
    const { status, text } = await askThroughAgent(ask);
    if (status !== 200) throw new Error(text);
  });
});

t.test('containing a person, by posternctl', async (t) => {
  await triangle.signIn('audrey');
  const printed = await cutsAll(t, 'audrey', () => posternctl('contain', 'person', 'audrey', '--because', 'phished'));
  t.match(printed, /^Contained person audrey\. Undo it: posternctl lift person audrey$/m);
  t.match(printed, /^gateway gw-main: applied after \d+ ms, 4 streams cut$/m);
});

t.test('removing an app', async (t) => {
  const [download, events] = await openStreams(triangle, 'emil', ['download', 'events']);
  const report = await measure(t, [download!], () => admin.removeApp({ params: { id: 'wiki' } }));
  checkReport(t, report, 1);
  await events!.runsOn();
  events!.close();
});

t.test('two gateways: both are named, each with what it cut', async (t) => {
  const first = await openStream(triangle, 'emil', 'websocket');
  // Each device has an order of its own: one that comes before gw-main in emil's, so that what is granted from now on goes there.
  const device = (await agents.emil.status({})).state.device.id;
  const names = Array.from({ length: 64 }, (_, n) => `gw-${n}`);
  const joined = names.find((id) => scoreOf(device, id) < scoreOf(device, 'gw-main')) ?? 'gw-0';
  await triangle.joinGateway(joined);
  const second = await openStream(triangle, 'emil', 'tunnel');
  const printed = await measure(t, [first, second], () =>
    posternctl('revoke', 'person', 'emil', '--because', 'both places'),
  );
  t.match(printed, new RegExp(`^gateway ${joined}: applied after \\d+ ms, 1 stream cut$`, 'm'));
  t.match(printed, /^gateway gw-main: applied after \d+ ms, 1 stream cut$/m);
});
