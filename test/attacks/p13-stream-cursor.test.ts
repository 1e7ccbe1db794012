/** P13: a gateway's stream goes on only where nothing can be missing, and what another process writes is heard of too. */
import t, { type Test } from 'tap';
import type { StreamLine } from '#shared/contracts/gateway-to-controller.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { type FakeGateway, joinGateway } from '../controller/support/fake-peers.ts';
import { runController } from '../controller/support/run-controller.ts';

async function begin(t: Test) {
  const controller = await runController(t);
  const gateway = await joinGateway(t, controller, 'gw-main');
  const { change } = await controller.as().status();
  return { controller, gateway, change, generation: gateway.generation() };
}

/** The lines of a new stream, which replaces the one before it. */
async function follow({ calls }: FakeGateway, query: { generation?: string; after?: number }) {
  const lines = readNdjson(await calls.stream({ query }))[Symbol.asyncIterator]();
  return async () => (await lines.next()).value as StreamLine;
}

t.test('P13 a gap, a step back and another generation begin with a snapshot', async (t) => {
  const { controller, gateway, change, generation } = await begin(t);
  const firstOf = async (query: { generation?: string; after?: number }) => (await follow(gateway, query))();
  t.match(await firstOf({}), { t: 'snapshot', generation, n: change }, 'nothing known');
  t.match(await firstOf({ generation, after: change }), { t: 'heartbeat', n: change }, 'nothing missed');
  t.match(await firstOf({ generation, after: change - 1 }), { t: 'heartbeat', n: change - 1 }, 'what follows is there');
  t.match(await firstOf({ generation: 'gen_former00', after: change }), { t: 'snapshot', generation }, 'another one');
  t.match(await firstOf({ after: change }), { t: 'snapshot' }, 'a number of no generation');
  t.match(await firstOf({ generation, after: change + 1 }), { t: 'snapshot', n: change }, 'numbers went back here');
  const pruned = { key: 'pruned_through', value: String(change) };
  await controller.store.db.insertInto('meta').values(pruned).execute();
  t.match(await firstOf({ generation, after: change - 1 }), { t: 'snapshot' }, 'what follows was forgotten');
  t.match(await firstOf({ generation, after: change }), { t: 'heartbeat' }, 'nothing that follows was');
});

t.test('P13 what follows a number is sent whole, in order, each with the number it follows', async (t) => {
  const { controller, gateway, change, generation } = await begin(t);
  const admin = controller.as({ reason: 'test' });
  for (const id of ['anna', 'bert']) await admin.putPerson({ params: { id }, body: {} });
  await admin.contain({ body: { kind: 'person', id: 'bert', because: 'test' } });
  const next = await follow(gateway, { generation, after: change });
  let at = ((await next()) as { n: number }).n;
  t.equal(at, change);
  const { change: now } = await admin.status();
  let revoked = 0;
  while (at < now) {
    const line = await next();
    if (line.t !== 'change') continue;
    t.equal(line.after, at);
    t.ok(line.n > at);
    at = line.n;
    revoked += line.changes.filter(({ kind }) => kind === 'revoke').length;
  }
  t.equal(revoked, 1);
});

t.test('P13 a change that another process has written is found without a hint', async (t) => {
  const { controller, gateway, change, generation } = await begin(t);
  const next = await follow(gateway, { generation, after: change });
  await next();
  const n = change + 1;
  // As another controller over the same database would: nothing in this process rings a bell.
  await controller.store.db.transaction().execute(async (trx) => {
    await trx.updateTable('change_counter').set({ n }).execute();
    const changes = JSON.stringify([{ kind: 'deny', id: 'device/dev_elsewhere' }]);
    await trx.insertInto('changes').values({ n, at: 0, site: null, changes }).execute();
  });
  let beats = 0;
  let line = await next();
  while (line.t === 'heartbeat' && beats < 2) {
    beats += 1;
    line = await next();
  }
  t.match(line, { t: 'change', after: change, n, changes: [{ kind: 'deny', id: 'device/dev_elsewhere' }] });
});
