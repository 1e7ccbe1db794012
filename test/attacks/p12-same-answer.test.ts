import t from 'tap';
import type { PosternError } from '#shared/base/errors.ts';
import { PolicyDesk } from '../support/policy-desk.ts';
import { hourMs } from '../support/policy-facts.ts';

const get = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };
const trace = 'f'.repeat(32);

/** `secret` exists and is not Alice's; `nothing` does not exist. */
async function open(): Promise<PolicyDesk> {
  const desk = await PolicyDesk.open();
  const secret = {
    id: 'secret',
    name: 'S',
    site: 'main',
    kind: 'http',
    hosts: ['s.test'],
    upstream: 'http://127.0.0.1:1',
  };
  await desk.putApp(secret as Parameters<typeof desk.putApp>[0]);
  return desk;
}

const problem = (desk: PolicyDesk, app: string, more = {}) =>
  desk.grant({ app, ...more }).then(
    () => ({ granted: app }),
    (error: PosternError) => error.toProblem(trace),
  );

t.test('P12 an app that is not there and one that is not yours look the same', async (t) => {
  const desk = await open();
  await desk.publish(`permit(principal, action, resource == App::"wiki");
    permit(principal in Group::"staff", action, resource == App::"ssh");`);
  const nothing = await problem(desk, 'nothing');
  t.match(nothing, { code: 'not-allowed', fixes: [{ kind: 'ask-admin' }] });
  t.same(await problem(desk, 'secret'), nothing);
  t.same(await problem(desk, 'secret', { request: get }), nothing, 'with a request for a host it does not have');
  t.same(await problem(desk, 'secret', { request: { ...get, host: 's.test', path: '/a/../b' } }), nothing, 'misspelt');
  t.same(await problem(desk, 'secret', { act: 'connect' }), nothing, 'with the wrong action');
  t.same(await problem(desk, 'ssh'), nothing, 'even of an app that may be used otherwise');
  const reasons = (await desk.records('grant')).map((record) => record.reasons[0]);
  t.same([...new Set(reasons)].sort(), ['action-mismatch', 'app-unknown', 'no-permit'], 'the log tells them apart');
  await desk.publish('permit(principal, action, resource);');
  t.same(await problem(desk, 'nothing'), nothing, 'a policy for every app does not make one up');
  await desk.store.stop();
});

t.test('P12 and so they do when something is the matter with the caller', async (t) => {
  const desk = await open();
  const same = async (why: string, code: string, more = {}) => {
    const answer = await problem(desk, 'nothing', more);
    t.match(answer, { code }, why);
    for (const app of ['secret', 'wiki']) t.same(await problem(desk, app, more), answer, `${why}: ${app}`);
  };
  await same('no policy in force', 'unavailable');
  await desk.publish('permit(principal, action, resource == App::"wiki");');
  await same('no session', 'session-required', { session: undefined });
  const update = desk.db.updateTable('devices');
  await update.set({ state: 'pending' }).execute();
  await same('a pending device', 'device-pending');
  await update.set({ state: 'suspended' }).execute();
  await same('a suspended device', 'device-suspended');
  await update.set({ state: 'active' }).execute();
  await desk.db.updateTable('people').set({ state: 'suspended' }).execute();
  await same('a suspended person', 'not-allowed');
  await desk.db.updateTable('people').set({ state: 'active' }).execute();
  await desk.db.insertInto('group_members').values({ group_id: 'lost', person_id: 'alice' }).execute();
  await same('groups that cannot be read', 'unavailable');
  await desk.db.deleteFrom('group_members').where('group_id', '=', 'lost').execute();
  desk.now += 2 * hourMs;
  await same('an idle session', 'session-idle');
  await desk.store.stop();
});

t.test('P12 equal work: a refusal writes one record whether the app is there or not', async (t) => {
  const desk = await open();
  await desk.publish('permit(principal, action, resource == App::"wiki");');
  for (const app of ['secret', 'nothing']) await problem(desk, app);
  const records = await desk.records('grant');
  t.equal(records.length, 2);
  // Of an app that is not there the log has nothing to tell.
  const { appFacts: _, ...secret } = records[0]!;
  t.same(Object.keys(secret).sort(), Object.keys(records[1]!).sort());
  t.equal(records[0]!.facts, records[1]!.facts);
  await desk.store.stop();
});
