/** The control socket as the CLI uses it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import type { LocalEvent } from '../../../client-agent/agent-api.ts';
import { openControl } from '../../../client-agent/control/open-control.ts';
import { keepRecentLogs } from '../../../client-agent/control/recent-logs.ts';
import { startControl } from '../../../client-agent/control/start-control.ts';
import { makeFakeAgent } from '../../support/fake-edge-agent.ts';
import { fakeGrant, startFakeEdge } from '../../support/fake-edge-controller.ts';
import { startFakeGateway } from '../../support/fake-edge-gateway.ts';
import { makeTestCa } from '../../support/test-ca.ts';

const ca = await makeTestCa();

async function world(t: Test) {
  const edge = await startFakeEdge(t, { ca });
  const gateway = await startFakeGateway(t, { ca });
  edge.setApps([{ id: 'db', name: 'DB', kind: 'tcp', hosts: ['db.test'], port: 5432, usable: true, fixes: [] }]);
  edge.edge.grants = () => {
    const id = 'gr_00000001';
    return { grant: fakeGrant(id), id, expiresInMs: 60_000, scope: 'app', gateways: [gateway.place] };
  };
  const agent = await makeFakeAgent(t, { edge, signIn: false });
  const control = openControl(agent.socket);
  t.teardown(() => control.stop());
  return { edge, gateway, agent, control };
}

async function signIn({ control }: Awaited<ReturnType<typeof world>>): Promise<void> {
  const { flow } = await control.calls.startSignIn({ body: { purpose: 'sign-in' } });
  await control.calls.answerSignIn({ params: { flow }, body: { method: 'password', value: 'right' } });
}

t.test('status, sign-in, apps, posture, doctor, why, sign-out', async (t) => {
  const here = await world(t);
  const { agent, control } = here;
  t.equal(statSync(agent.socket).mode & 0o777, 0o600);
  const { calls } = control;
  t.match(await calls.status(), { pid: process.pid, state: { session: { signedIn: false } }, local: [] });
  const { flow, step } = await calls.startSignIn({ body: { purpose: 'sign-in' } });
  t.equal(step, 'password');
  await t.rejects(calls.answerSignIn({ params: { flow }, body: { method: 'password', value: 'wrong' } }), {
    code: 'sign-in-refused',
  });
  const done = await calls.answerSignIn({ params: { flow }, body: { method: 'password', value: 'right' } });
  t.match(done, { step: 'done', signedIn: true });
  t.notMatch(JSON.stringify(done), 'session-secret');
  t.match(await calls.apps(), { apps: [{ id: 'db' }] });
  t.match((await calls.reportPosture()).posture, { seq: Number, facts: Array });
  const { lines } = await calls.doctor();
  t.same(
    lines.filter(({ ok }) => ok === false).map(({ name }) => name),
    ['posture'],
    JSON.stringify(lines),
  );
  t.same(await calls.why({}), { refused: [] });
  t.same(await calls.logs(), { lines: [] });
  await t.rejects(calls.openLink({ body: {} }), { code: 'not-found' }, 'no local side here');
  await calls.signOut();
  t.match(await calls.status(), { state: { session: { signedIn: false } } });
});

t.test('a tunnel for connect and ssh-proxy; while it is held, events say so', async (t) => {
  const here = await world(t);
  const { control, agent, edge } = here;
  await t.rejects(control.connect('db', { hold: false }), { code: 'not-allowed' }, 'no list without a session');
  await signIn(here);
  await agent.refreshApps();
  const tunnel = await control.connect('db');
  tunnel.write('ping');
  t.equal(String(((await once(tunnel, 'data')) as [Buffer])[0]), 'ping');
  tunnel.destroy();

  const give = edge.edge.grants;
  edge.edge.grants = () => {
    throw new PosternError('step-up-required');
  };
  // A new session has no grants of the old one.
  await signIn(here);
  await t.rejects(control.connect('db', { hold: false }), { code: 'step-up-required' });
  const stream = await control.calls.events();
  t.teardown(() => stream.destroy());
  const waiting = control.connect('db');
  for await (const event of readNdjson(stream as AsyncIterable<Buffer>)) {
    const { type, hold } = event as { type: LocalEvent['type']; hold?: { app: string; purpose: string } };
    if (type !== 'hold') continue;
    t.match(hold, { app: 'db', purpose: 'step-up' });
    break;
  }
  edge.edge.grants = give;
  await signIn(here);
  const opened = await waiting;
  opened.write('pong');
  t.equal(String(((await once(opened, 'data')) as [Buffer])[0]), 'pong');
  opened.destroy();
  const refused = (await control.calls.why({ query: { app: 'db' } })).refused;
  t.same(new Set(refused.map(({ code }) => code)), new Set(['step-up-required']));
});

t.test('a tunnel whose client ends while it waits for the person is not opened', async (t) => {
  const here = await world(t);
  const { control, agent, edge } = here;
  await signIn(here);
  await agent.refreshApps();
  edge.edge.grants = () => {
    throw new PosternError('step-up-required');
  };
  const stream = await control.calls.events();
  const client = connect(agent.socket).on('error', () => {});
  t.teardown(() => client.destroy());
  client.write('CONNECT db HTTP/1.1\r\nHost: agent\r\n\r\n');
  for await (const event of readNdjson(stream as AsyncIterable<Buffer>)) {
    const { type, how } = event as { type: LocalEvent['type']; how?: string };
    if (type === 'hold') client.end();
    if (type !== 'hold-ended') continue;
    t.equal(how, 'gave-up');
    break;
  }
  client.resume();
  if (!client.closed) await once(client, 'close');
});

t.test('requests of another shape, and of browsers, are refused', async (t) => {
  const { agent } = await world(t);
  const ask = async (
    path: string,
    options: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ) => {
    const { method = 'GET', body, headers = {} } = options;
    const req = request({ socketPath: agent.socket, path, method, headers });
    req.end(body);
    const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage];
    let text = '';
    for await (const chunk of res) text += String(chunk);
    return JSON.parse(text) as { code: string; detail?: string };
  };
  t.match(await ask('/v1/nothing'), { code: 'not-found' });
  t.match(await ask('/v1/status', { headers: { origin: 'http://evil.example' } }), { code: 'local-refused' });
  t.match(await ask('/v1/status', { headers: { 'sec-fetch-site': 'none' } }), { code: 'local-refused' });
  const bad = await ask('/v1/sign-in/flow_00000001', { method: 'POST', body: '{"value":"hunter2"' });
  t.match(bad, { code: 'bad-request' });
  t.notMatch(JSON.stringify(bad), 'hunter2');
  t.match(await ask('/v1/sign-in', { method: 'POST', body: '{"purpose":"nothing"}' }), { code: 'bad-request' });
  t.match(await ask('/v1/sign-in', { method: 'POST', body: 'x'.repeat(20_000) }), { code: 'body-too-large' });
  t.match(await ask('/v1/why?app=../x'), { code: 'bad-request' });
});

t.test('no agent, no socket: said in words', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postern-none-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const control = openControl(join(dir, 'agent.sock'));
  t.teardown(() => control.stop());
  await t.rejects(control.calls.status(), { code: 'unreachable' });
  await t.rejects(control.connect('db'), { code: 'unreachable', tell: /not running/ });
  const long = { agent: {} as never, local: undefined, clients: {} as never, log: silentLog, recentLogs: undefined };
  await t.rejects(startControl({ ...long, path: `/tmp/${'x'.repeat(110)}` }), {
    code: 'invalid-config',
    message: /too long/,
  });
});

t.test('the last lines of the log are kept, and only those', async (t) => {
  const recent = keepRecentLogs(2);
  for (const line of ['a\n', 'b\n', 'c\n']) recent.add(line);
  t.same(recent.lines(), ['b', 'c']);
});
