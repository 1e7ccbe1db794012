/** What strangers and enrolled devices can learn from time, and keep from others. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { limitSources } from '../../controller/from-agents/limit-sources.ts';
import { DeviceBudget } from '../../controller/grants/device-budget.ts';
import { type GrantAsk, issueGrant } from '../../controller/grants/issue-grant.ts';
import { startEdge } from '../controller/support/edge-one.ts';
import { deviceId, PolicyDesk, sessionId } from '../support/policy-desk.ts';

const portOf = (origin: string) => Number(new URL(origin).port);

async function open(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

t.test('P27 idle connections of one stranger keep nobody out of the bootstrap server', async (t) => {
  const edge = await startEdge(t);
  const idle: Socket[] = [];
  t.teardown(() => {
    for (const socket of idle) socket.destroy();
  });
  let ended = 0;
  for (let i = 0; i < 160; i += 1) {
    const socket = await open(portOf(edge.origin.bootstrap), '127.0.0.1');
    socket.once('close', () => (ended += 1)).resume();
    idle.push(socket);
  }
  t.match(await edge.stranger.agent.meta(), { trustDomain: 'test.example' });
  t.ok(ended >= 160 - 128, 'the oldest gave way');
});

t.test('P27 a flood from one source gives way to others, and not the others to it', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  limitSources(server, { perSource: 4, total: 6 });
  const { port } = server.address() as { port: number };
  const all: Socket[] = [];
  t.teardown(() => {
    for (const socket of all) socket.destroy();
    server.close();
  });
  const dial = async (from: string) => {
    const accepted = once(server, 'connection');
    const socket = await open(port, from);
    await accepted;
    all.push(socket.resume());
    return socket;
  };
  const good = await dial('127.0.0.2');
  const flood: Socket[] = [];
  for (let i = 0; i < 4; i += 1) flood.push(await dial('127.0.0.1'));
  const [first, second] = flood as [Socket, Socket];
  const firstEnds = once(first, 'close');
  flood.push(await dial('127.0.0.1'));
  await firstEnds;
  const third = await dial('127.0.0.3');
  const secondEnds = once(second, 'close');
  await dial('127.0.0.4');
  await secondEnds;
  t.notOk(good.closed, 'the oldest of all stays: its source has one');
  t.notOk(third.closed);
  good.destroy();
  await once(good, 'close');
  for (let i = 0; i < 20; i += 1) await dial('127.0.0.1');
  t.notOk(third.closed, 'whatever the flood does');
});

const ask = (app: string): GrantAsk => ({
  device: deviceId,
  jkt: '',
  session: sessionId,
  app,
  act: 'request',
  idleMs: 0,
  address: '10.1.2.3',
  trace: 'a'.repeat(32),
});

t.test('P12 "not allowed" is answered at steps of time, whatever it took to find out', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`permit(principal, action, resource == App::"ssh");
    permit(principal, action, resource == App::"wiki") when { principal.role == "owner" && context.time.weekday < 6 };`);
  const pauses: number[] = [];
  const pause = async (ms: number) => void pauses.push(ms);
  const grant = (app: string, act: 'request' | 'connect' = 'request') =>
    issueGrant({ ...desk.grantParts, pause }, { ...ask(app), act, jkt: desk.jkt });
  for (const app of ['wiki', 'nothing']) await t.rejects(grant(app), { code: 'not-allowed' });
  t.equal(pauses.length, 2, 'both waited');
  for (const ms of pauses) t.ok(ms > 0 && ms <= 50, `${ms} ms`);
  await t.resolves(grant('ssh', 'connect'));
  t.equal(pauses.length, 2, 'what is granted does not wait');
  await desk.store.stop();
});

t.test('P11 a denial, which costs the most, counts more', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('permit(principal, action, resource == App::"ssh");');
  const parts = { ...desk.grantParts, budget: new DeviceBudget(20), pause: async () => {} };
  let denied = 0;
  while (denied < 100) {
    const code = await issueGrant(parts, { ...ask('wiki'), jkt: desk.jkt }).then(
      () => 'granted',
      (error: { code: string }) => error.code,
    );
    if (code === 'over-budget') break;
    denied += 1;
  }
  t.equal(denied, 5, 'not twenty in a second');
  desk.now += 1000;
  await t.resolves(issueGrant(parts, { ...ask('ssh'), act: 'connect', jkt: desk.jkt }), 'and it is over soon');
  await desk.store.stop();
});

t.test('P11 sign-in calls that nothing throttles do not fill the log', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const answers: string[] = [];
  for (let i = 0; i < 100; i += 1) {
    const call = agent.call.totp({ params: { flow: 'flow_0000000000000000' }, body: { code: '000000' } });
    answers.push(
      await call.then(
        () => '',
        (error: { code: string }) => error.code,
      ),
    );
  }
  t.same([...new Set(answers)], ['sign-in-flow', 'over-budget']);
  const rows = await edge.store.db.selectFrom('records').select('id').where('kind', '=', 'sign-in').execute();
  t.equal(rows.length, 60);
  edge.clock.advance(60_000);
  await t.resolves(agent.signInFirst(), 'and the device can sign in a little later');
});
