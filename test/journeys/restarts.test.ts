/**
 * Each process is ended, politely and by SIGKILL, while the others run: its state is there when it is back, the others find it by
 * themselves, sessions live on, and what happened meanwhile is in the log exactly once.
 */
import t, { type Test } from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { openStream, openStreams } from '../support/open-streams.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const triangle = await steerTriangle(t);
const { admin, agents } = triangle;
const wiki = { port: triangle.portalPort('emil'), app: 'wiki', path: '/pages/home' };
const signals = ['SIGTERM', 'SIGKILL'] as const;

const sessionOf = async () => (await admin.sessions({})).items.find(({ person }) => person === 'emil')?.id;
const session = await sessionOf();
t.ok(session);

/** A gateway's idea of the controller's time may be some milliseconds behind: no record of before is later, none of now earlier. */
async function beginning(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return Date.now() - 250;
}

async function wikiAnswers(t: Test, what: string): Promise<void> {
  const began = performance.now();
  await untilItWorks(async () => {
    const { status, text } = await askThroughAgent(wiki);
    if (status !== 200) throw new Error(text);
  });
  t.comment(`${what}: the wiki answers after ${Math.round(performance.now() - began)} ms`);
}

async function gatewayIsFresh(): Promise<void> {
  await untilItWorks(async () => {
    const [gateway] = (await admin.gateways({})).items;
    if (gateway?.connection !== 'fresh') throw new Error(`the gateway is ${gateway?.connection}`);
  });
}

/**
 * Every access has one opening and one end, and no record is there twice. Waits until `least` accesses are told (a spool is
 * delivered some time after its controller is back) and nothing is open.
 */
async function everyAccessOnce(t: Test, since: number, least = 0): Promise<AccessRecord[]> {
  const records = await untilItWorks(async () => {
    const found = await admin.records({ query: { kind: 'access', from: since, limit: 1000 } });
    const ended = new Set(found.records.flatMap(({ opening }) => opening ?? []));
    const open = found.records.filter(({ phase, id }) => phase === 'opening' && !ended.has(id));
    if (open.length > 0) throw new Error(`${open.length} accesses are open in the log`);
    if (ended.size < least) throw new Error(`${ended.size} of ${least} accesses are in the log`);
    return found.records;
  }, 40_000);
  t.equal(new Set(records.map(({ id }) => id)).size, records.length, `${records.length} records, no id twice`);
  const openings = records.filter(({ phase }) => phase === 'opening');
  const ends = records.filter(({ phase }) => phase === 'closing' || phase === 'interrupted');
  t.equal(ends.length, openings.length, 'one end for each opening');
  t.equal(new Set(ends.map(({ opening }) => opening)).size, ends.length);
  return records;
}

for (const signal of signals) {
  t.test(`controller, ${signal}`, async (t) => {
    const since = await beginning();
    await wikiAnswers(t, 'before');
    const running = await openStreams(triangle, 'emil', ['download', 'websocket']);
    const before = await admin.status({});
    await triangle.end('controller', signal);
    // The grant in hand is good without it: accesses go on, and their records wait in the spool.
    for (let n = 0; n < 20; n++) {
      const answer = await askThroughAgent(wiki);
      if (answer.status !== 200) t.fail(answer.text);
    }
    await triangle.start('controller');
    const began = performance.now();
    await gatewayIsFresh();
    t.comment(`the gateway is back at its stream ${Math.round(performance.now() - began)} ms after the controller`);
    await untilItWorks(async () => {
      if (!(await agents.emil.status({})).state.controller.events) throw new Error('the agent has no stream of events');
    });
    t.comment(`the agent is back at its events ${Math.round(performance.now() - began)} ms after the controller`);
    await Promise.all(running.map((stream) => stream.runsOn()));
    t.pass('what ran before runs on');
    for (const stream of running) stream.close();
    const after = await admin.status({});
    const { people, devices, apps, epoch } = before;
    t.match(after, { people, devices, apps, epoch });
    t.equal(await sessionOf(), session, 'the session lives on');
    await agents.emil.apps({});
    const records = await everyAccessOnce(t, since, 23);
    const gets = records.filter(({ request, phase }) => request?.path === '/pages/home' && phase === 'opening');
    t.equal(gets.length, 21, 'each access of the time without a controller is in the log');
    t.equal(new Set(gets.map(({ trace }) => trace)).size, 21, 'under its own trace');
  });

  t.test(`gateway, ${signal}`, async (t) => {
    const since = await beginning();
    await wikiAnswers(t, 'before');
    const running = await openStreams(triangle, 'emil');
    await Promise.all(running.map((stream) => stream.runsOn()));
    await triangle.end('gateway', signal);
    await Promise.all(running.map(({ ended }) => ended));
    const meanwhile = await askThroughAgent(wiki);
    t.match(JSON.parse(meanwhile.text), { next: 'retry' }, `${meanwhile.status}: not now`);
    await triangle.start('gateway');
    await wikiAnswers(t, 'after the restart');
    await gatewayIsFresh();
    // Four streams, and the page before and after.
    const records = await everyAccessOnce(t, since, 6);
    const opened = records.filter(({ phase, request }) => phase === 'opening' && request?.path !== '/pages/home');
    t.equal(opened.length, 4);
    const ends = opened.map(({ id }) => records.find(({ opening }) => opening === id)?.phase);
    t.comment(`the four streams are closed as ${ends.join(', ')}`);
    if (signal === 'SIGKILL') t.strictSame(ends, Array(4).fill('interrupted'));
    else t.strictSame(ends, Array(4).fill('closing'));
    t.equal(await sessionOf(), session, 'the session lives on');
    const again = await openStream(triangle, 'emil', 'events');
    again.close();
  });

  t.test(`agent, ${signal}`, async (t) => {
    const since = await beginning();
    const before = (await agents.emil.status({})).state;
    const running = await openStreams(triangle, 'emil');
    await triangle.end('agent-emil', signal);
    await Promise.all(running.map(({ ended }) => ended));
    const began = performance.now();
    await triangle.start('agent-emil');
    t.comment(`the agent is up ${Math.round(performance.now() - began)} ms after its start`);
    await wikiAnswers(t, 'after the restart');
    const { state } = await agents.emil.status({});
    t.match(state, { device: before.device, person: before.person, session: { signedIn: true, idle: false } });
    t.equal(await sessionOf(), session, 'the session lives on');
    await agents.emil.reportPosture({});
    t.match((await agents.emil.posture({})).posture, { failure: undefined, seq: Number }, 'its reports go on');
    const records = await everyAccessOnce(t, since, 5);
    t.equal(records.filter(({ phase }) => phase === 'interrupted').length, 0, 'the gateway saw each stream end');
  });
}

t.test('all at once, by SIGKILL', async (t) => {
  const since = await beginning();
  const running = await openStreams(triangle, 'emil');
  await Promise.all((['controller', 'gateway', 'agent-emil'] as const).map((name) => triangle.end(name, 'SIGKILL')));
  await Promise.all(running.map(({ ended }) => ended));
  const began = performance.now();
  await Promise.all([triangle.start('agent-emil'), triangle.start('gateway'), triangle.start('controller')]);
  await wikiAnswers(t, 'after everything was killed');
  t.comment(`${Math.round(performance.now() - began)} ms from nothing to the first answer`);
  t.equal(await sessionOf(), session, 'the session lives on');
  // Four streams and the page; what the killed gateway left in its spool may come after what the new one has written.
  const records = await everyAccessOnce(t, since, 5);
  t.equal(records.filter(({ phase }) => phase === 'interrupted').length, 4);
});
